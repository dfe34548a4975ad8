/**
 * Uploading through the server into a Ceph gateway, against `rclone copyto` straight into the same one; downloading by redirect,
 * against the gateway itself.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { inTemporaryDirectory, printRatePair, timeCommand, timeWork } from "./measure.ts";
import { chunksOf, sendUpload, type UploadBody } from "./send-upload.ts";
import { requirePrograms, type ServerProcess, startDistd } from "./servers.ts";
import { environmentOf, rcloneFlags, startGateway } from "./services.ts";
import { prepareStore, tarGz } from "./stores.ts";

const SIZE_BYTES = 128 * 1024 ** 2;
const ROUNDS = 5;

requirePrograms("ceph-mon", "ceph-osd", "radosgw", "rclone", "curl", "sync");

await inTemporaryDirectory(async (directory) => {
  const objects = await startGateway();
  const env = { ...environmentOf({ objects }), DIST_STORAGE_DOWNLOADS: "redirect" };
  const store = join(directory, "store");
  const { secret } = await prepareStore(
    store,
    (registry) => registry.createToken({ name: "bench", scopes: ["publish"] }),
    env,
  );
  const server = await startDistd(store, { env });
  const rates = { ours: [] as number[], peer: [] as number[] };
  let sha256 = "";
  // The first round warms both up.
  for (let round = -1; round < ROUNDS; round += 1) {
    const body = { first: tarGz(randomBytes(32).toString("hex")), sizeBytes: SIZE_BYTES };
    const file = join(directory, "body");
    writeFileSync(file, Buffer.concat([...chunksOf(body)].map((chunk) => Buffer.from(chunk))));
    timeCommand("sync", []);
    const ours = await timeWork(async () => void (sha256 = await upload(server, secret, body)));
    const peer = timeCommand("rclone", [
      "copyto",
      file,
      `:s3:${objects.bucket}/peer/${round}`,
      ...rcloneFlags(objects),
    ]);
    if (round < 0) continue;
    rates.ours.push(rate(ours));
    rates.peer.push(rate(peer));
  }
  printRatePair(
    "upload 128 MiB through the server",
    rates.ours,
    rates.peer,
    "rclone into the same RGW",
    "MB/s",
  );

  await publish(server, secret, sha256);
  const address = `${server.url}/download/${sha256}`;
  const redirected = await fetch(address, { redirect: "manual" });
  const direct = redirected.headers.get("location");
  if (direct === null) throw new Error(`${address} was answered ${redirected.status}, without a redirect.`);
  const downloads = { ours: [] as number[], peer: [] as number[] };
  for (let round = -1; round < ROUNDS; round += 1) {
    const ours = timeCommand("curl", ["-sfL", "-o", "/dev/null", address]);
    const peer = timeCommand("curl", ["-sf", "-o", "/dev/null", direct]);
    if (round < 0) continue;
    downloads.ours.push(rate(ours));
    downloads.peer.push(rate(peer));
  }
  printRatePair("download 128 MiB by redirect", downloads.ours, downloads.peer, "from RGW itself", "MB/s");
  await server.stop();
});

function rate(ms: number): number {
  return SIZE_BYTES / (ms / 1000);
}

async function upload(server: ServerProcess, secret: string, body: UploadBody): Promise<string> {
  const headers = { Authorization: `Bearer ${secret}` };
  const { text } = await sendUpload(`${server.url}/api/upload`, body, { method: "POST", headers });
  return (JSON.parse(text) as { sha256: string }).sha256;
}

async function publish(server: ServerProcess, secret: string, sha256: string): Promise<void> {
  const response = await fetch(`${server.url}/api/apps/large/releases`, {
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
}
