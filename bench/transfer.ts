/**
 * One upload of 256 MiB, hashed twice and synced, against Docker's registry and against a server that only receives and hashes;
 * its download against nginx's sendfile, by ourselves and by nginx on our word (X-Accel-Redirect).
 */
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";

import { inTemporaryDirectory, printRatePair, timeCommand, timeWork } from "./measure.ts";
import { putBlob } from "./docker-registry.ts";
import { chunksOf, sendUpload, type UploadBody } from "./send-upload.ts";
import {
  requirePrograms,
  type ServerProcess,
  startDistd,
  startDockerRegistry,
  startNginx,
  startScript,
} from "./servers.ts";
import { prepareStore, tarGz } from "./stores.ts";
import { askRepeatedly } from "./wrk.ts";

const SIZE_BYTES = 256 * 1024 ** 2;
const ROUNDS = 7;
const DOWNLOAD = { connections: 1, seconds: 3 };

requirePrograms("docker-registry", "nginx", "wrk", "sync");

await inTemporaryDirectory(async (directory) => {
  const store = join(directory, "store");
  const { secret } = await prepareStore(store, (registry) =>
    registry.createToken({ name: "bench", scopes: ["publish"] }),
  );
  const ours = await startDistd(store);
  await uploads(directory, ours, secret);
  const sha256 = await publish(ours, secret);
  await downloads(directory, ours, sha256);
  await ours.stop();
});

async function uploads(directory: string, ours: ServerProcess, secret: string): Promise<void> {
  const registry = await startDockerRegistry(join(directory, "registry"));
  const bare = await startScript("bare-receiver.ts", join(directory, "bare.log"));
  const rates = { ours: [] as number[], registry: [] as number[], bare: [] as number[] };
  // The first round warms all of them up.
  for (let round = -1; round < ROUNDS; round += 1) {
    const took = {
      ours: await uploadRate(({ body }) => sendToUs(ours, secret, body)),
      registry: await uploadRate(({ body, sha256 }) => putBlob(registry, body, sha256)),
      bare: await uploadRate(({ body }) => sendUpload(bare.url, body, { method: "POST" })),
    };
    if (round < 0) continue;
    for (const name of ["ours", "registry", "bare"] as const) rates[name].push(took[name]);
  }
  await registry.stop();
  await bare.stop();
  printRatePair("upload 256 MiB", rates.ours, rates.registry, "docker-registry", "MB/s");
  printRatePair("upload 256 MiB", rates.ours, rates.bare, "Node, received and hashed only", "MB/s");
}

/** Bytes a second of one upload of bytes that were never sent before. */
async function uploadRate(send: (upload: { body: UploadBody; sha256: string }) => Promise<unknown>) {
  const body = { first: randomBytes(32), sizeBytes: SIZE_BYTES };
  const hash = createHash("sha256");
  for (const chunk of chunksOf(body)) hash.update(chunk);
  const sha256 = hash.digest("hex");
  // What earlier rounds left to be written is not to be paid for by this one.
  timeCommand("sync", []);
  return SIZE_BYTES / ((await timeWork(() => send({ body, sha256 }))) / 1000);
}

async function sendToUs(ours: ServerProcess, secret: string, body: UploadBody): Promise<string> {
  const headers = { Authorization: `Bearer ${secret}` };
  const { text } = await sendUpload(`${ours.url}/api/upload`, body, { method: "POST", headers });
  return (JSON.parse(text) as { sha256: string }).sha256;
}

/** Publishes an upload in an unlisted app, which anybody may download. Answers its digest. */
async function publish(ours: ServerProcess, secret: string): Promise<string> {
  const first = tarGz(randomBytes(32).toString("hex"));
  const sha256 = await sendToUs(ours, secret, { first, sizeBytes: SIZE_BYTES });
  const response = await fetch(`${ours.url}/api/apps/large/releases`, {
    method: "POST",
    headers: { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      version: "1",
      channel: "stable",
      artifacts: [{ platform: "linux", filename: "large.tar.gz", sha256 }],
    }),
  });
  if (!response.ok)
    throw new Error(`The publication was answered ${response.status}: ${await response.text()}`);
  return sha256;
}

async function downloads(directory: string, ours: ServerProcess, sha256: string): Promise<void> {
  const store = join(directory, "store");
  const behind = await startDistd(store, { env: { DIST_SERVER_SEND_FILE: "x-accel" } });
  const nginx = await startNginx(
    join(directory, "nginx"),
    `location /objects/ { alias ${join(store, "objects")}/; }
    location /protected/ { internal; alias ${store}/; }
    location /download/ { proxy_pass ${behind.url}; }`,
  );
  const file = `${nginx.url}/objects/${sha256.slice(0, 2)}/${sha256}`;
  const rate = (url: string) => askRepeatedly(url, DOWNLOAD).bytesPerSecond;
  for (const [name, url] of [
    ["download 256 MiB", `${ours.url}/download/${sha256}`],
    ["download 256 MiB behind nginx, X-Accel-Redirect", `${nginx.url}/download/${sha256}`],
  ] as const) {
    const rates = { ours: [] as number[], peer: [] as number[] };
    for (let round = -1; round < ROUNDS; round += 1) {
      const took = { ours: rate(url), peer: rate(file) };
      if (round < 0) continue;
      rates.ours.push(took.ours);
      rates.peer.push(took.peer);
    }
    printRatePair(name, rates.ours, rates.peer, "nginx sendfile", "MB/s");
  }
  await nginx.stop();
  await behind.stop();
}
