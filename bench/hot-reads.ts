/** What clients and visitors ask again and again, against Docker's registry handing out a manifest. */
import { createHash } from "node:crypto";
import { join } from "node:path";

import type { Registry } from "../src/registry/registry.ts";
import { putBlob } from "./docker-registry.ts";
import { inTemporaryDirectory, printRatePair } from "./measure.ts";
import { requirePrograms, type ServerProcess, startDistd, startDockerRegistry } from "./servers.ts";
import { prepareStore, tarGz } from "./stores.ts";
import { askRepeatedly } from "./wrk.ts";

const ROUNDS = 5;
const LOAD = { connections: 16, seconds: 2 };
const RELEASES = 50;
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

requirePrograms("docker-registry", "wrk");

await inTemporaryDirectory(async (directory) => {
  const store = join(directory, "store");
  await prepareStore(store, publishApps);
  const peer = await startDockerRegistry(join(directory, "registry"));
  const manifest = await putManifest(peer);
  const rateOfPeer = () =>
    askRepeatedly(manifest, { ...LOAD, headers: { Accept: MANIFEST_TYPE } }).requestsPerSecond;
  const one = await startDistd(store);
  const cases = await casesOn(one);
  for (const { name, url, headers } of cases) {
    const rates = pairs(() => askRepeatedly(url, { ...LOAD, headers }).requestsPerSecond, rateOfPeer);
    printRatePair(name, rates.ours, rates.peer, "docker-registry manifest GET");
  }
  const two = await startDistd(store, { args: ["--workers", "2"] });
  // With both cores taken, the load generator has its share of them: it tells most where the answer is cheap.
  const small = { name: cases[0]!.name, path: "/api/apps/small" };
  for (const { name, path } of [small, { name: "index page, made anew", path: "/" }]) {
    const rateOf = (server: ServerProcess) =>
      askRepeatedly(`${server.url}${path}`, { ...LOAD, connections: 32 }).requestsPerSecond;
    const workers = pairs(
      () => rateOf(two),
      () => rateOf(one),
    );
    printRatePair(`${name}, two workers`, workers.ours, workers.peer, "one worker");
  }
  for (const server of [one, two, peer]) await server.stop();
});

/** `small`, with one release, and `large`, with a full page of them. */
async function publishApps(registry: Registry): Promise<void> {
  const { sha256 } = await registry.uploadObject({
    open: async function* () {
      yield tarGz("tool");
    },
  });
  for (const [app, releases] of [
    ["small", 1],
    ["large", RELEASES],
  ] as const) {
    for (let number = 0; number < releases; number += 1) {
      await registry.publish({
        app,
        version: `1.${number}`,
        channel: "stable",
        artifacts: [{ platform: "linux", filename: "tool.tar.gz", sha256 }],
      });
    }
  }
}

async function casesOn({ url }: ServerProcess) {
  const page = `${url}/install/small/stable`;
  const etag = await etagOf(page);
  const large = `${url}/api/apps/large`;
  return [
    { name: "GET /api/apps/{slug}, one release", url: `${url}/api/apps/small`, headers: {} },
    { name: "install page, 304", url: page, headers: { "If-None-Match": etag } },
    { name: "install page", url: page, headers: {} },
    {
      name: `GET /api/apps/{slug}, ${RELEASES} releases, 304`,
      url: large,
      headers: { "If-None-Match": await etagOf(large) },
    },
    { name: `GET /api/apps/{slug}, ${RELEASES} releases`, url: large, headers: {} },
  ];
}

async function etagOf(url: string): Promise<string> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.headers.get("etag")!;
}

function pairs(ours: () => number, peer: () => number): { ours: number[]; peer: number[] } {
  const rates = { ours: [] as number[], peer: [] as number[] };
  // The first round warms both up.
  for (let round = -1; round < ROUNDS; round += 1) {
    const [left, right] = [ours(), peer()];
    if (round >= 0) {
      rates.ours.push(left);
      rates.peer.push(right);
    }
  }
  return rates;
}

/** A manifest of one configuration and one layer, as clients ask for before every pull. Answers its address. */
async function putManifest(peer: ServerProcess): Promise<string> {
  const blob = async (text: string) => {
    const sha256 = createHash("sha256").update(text).digest("hex");
    const body = { first: Buffer.from(text), sizeBytes: Buffer.byteLength(text) };
    await putBlob(peer, body, sha256);
    return { digest: `sha256:${sha256}`, size: body.sizeBytes };
  };
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...(await blob("{}")) },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...(await blob("layer")) }],
  });
  const address = `${peer.url}/v2/tool/manifests/stable`;
  const response = await fetch(address, { method: "PUT", headers: { "Content-Type": MANIFEST_TYPE }, body });
  if (!response.ok) throw new Error(`PUT ${address} was answered ${response.status}.`);
  return address;
}
