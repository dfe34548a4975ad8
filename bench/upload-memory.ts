/** Peak resident memory of the server while many uploads arrive at once, against Docker's registry. Needs Linux's /proc. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { putBlob } from "./docker-registry.ts";
import { inTemporaryDirectory } from "./measure.ts";
import { chunksOf, sendUpload, type UploadBody } from "./send-upload.ts";
import { requirePrograms, type ServerProcess, startDistd, startDockerRegistry } from "./servers.ts";
import { prepareStore } from "./stores.ts";

const UPLOADS = 64;
const SIZE_BYTES = 100_000_000;

requirePrograms("docker-registry");

const bodies = Array.from({ length: UPLOADS }, (_, index): { body: UploadBody; sha256: string } => {
  const body = { first: Buffer.from(`upload ${index}`), sizeBytes: SIZE_BYTES };
  const hash = createHash("sha256");
  for (const chunk of chunksOf(body)) hash.update(chunk);
  return { body, sha256: hash.digest("hex") };
});

let ours = 0;
await inTemporaryDirectory(async (directory) => {
  const store = join(directory, "store");
  const { secret } = await prepareStore(store, (registry) =>
    registry.createToken({ name: "bench", scopes: ["publish"] }),
  );
  const server = await startDistd(store);
  const headers = { Authorization: `Bearer ${secret}` };
  ours = await peakOf(server, ({ body }) =>
    sendUpload(`${server.url}/api/upload`, body, { method: "POST", headers }),
  );
});

await inTemporaryDirectory(async (directory) => {
  const registry = await startDockerRegistry(directory);
  const peer = await peakOf(registry, ({ body, sha256 }) => putBlob(registry, body, sha256));
  console.log(
    `${UPLOADS} uploads of ${SIZE_BYTES / 1e6} MB at once, peak resident memory: ` +
      `${Math.round(ours / 1e6)} MB; docker-registry: ${Math.round(peer / 1e6)} MB`,
  );
});

/** The most memory the server ever had, in bytes, once all uploads are answered. Stops it. */
async function peakOf(
  server: ServerProcess,
  send: (upload: { body: UploadBody; sha256: string }) => Promise<unknown>,
): Promise<number> {
  await Promise.all(bodies.map((upload) => send(upload)));
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8")) ?? [];
  await server.stop();
  return Number(kibibytes) * 1024;
}
