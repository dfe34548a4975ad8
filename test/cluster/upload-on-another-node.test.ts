import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, it } from "vitest";

import { sha256Hex } from "../../src/base/digest.ts";
import { connect } from "../../src/client/connect.ts";
import { needs } from "../support/required-tools.ts";
import { bytesOf, tarArtifact, tarGzBytes } from "../support/test-store.ts";
import { type Cluster, clusterTools, startCluster } from "./cluster.ts";

/** Of what is packed; the packed form is a little larger. */
const SIZE_BYTES = 40 * 1024 ** 2;
const TIMEOUT_MS = 5 * 60_000;

needs(...clusterTools)("an upload that began on one node", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 });
  }, TIMEOUT_MS);
  afterAll(() => cluster.close(), TIMEOUT_MS);

  it(
    "goes on at another behind its last acknowledged byte, when the first is killed",
    async () => {
      const [first, second] = cluster.nodes as [string, string];
      const bytes = tarGzBytes(randomBytes(SIZE_BYTES).toString("hex"));
      const headers = { Authorization: `Bearer ${cluster.admin}`, "Tus-Resumable": "1.0.0" };
      const created = await fetch(`${first}/api/uploads`, {
        method: "POST",
        headers: { ...headers, "Upload-Length": `${bytes.length}` },
      });
      expect(created.status).toBe(201);
      const path = new URL(created.headers.get("location")!, first).pathname;

      // All but the last piece, and the connection stays open until the node is gone.
      const sending = sendSlowly(`${first}${path}`, headers, bytes.subarray(0, -1));
      const acknowledged = await offsetBeyond(`${second}${path}`, headers, 0);
      await cluster.killNode(0);
      await sending;

      const offset = await offsetBeyond(`${second}${path}`, headers, 0);
      expect(offset).toBeGreaterThanOrEqual(acknowledged);
      expect(offset).toBeLessThan(bytes.length);
      const rest = await fetch(`${second}${path}`, {
        method: "PATCH",
        headers: {
          ...headers,
          "Content-Type": "application/offset+octet-stream",
          "Upload-Offset": `${offset}`,
        },
        body: bytes.subarray(offset),
      });
      expect([rest.status, rest.headers.get("upload-offset")]).toEqual([204, `${bytes.length}`]);

      const sha256 = sha256Hex(bytes);
      const registry = connect({ server: second, token: cluster.admin });
      await registry.publish({ app: "acme", version: "1.0.0", artifacts: [tarArtifact(sha256)] });
      expect(sha256Hex(await bytesOf(registry, sha256))).toBe(sha256);
      await registry.close();
    },
    TIMEOUT_MS,
  );
});

/** Sends a piece that is longer than what it has, so that it never ends by itself; resolves when the connection is gone. */
function sendSlowly(url: string, headers: Record<string, string>, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = request(url, {
      method: "PATCH",
      headers: {
        ...headers,
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": `${bytes.length + 1}`,
        "Upload-Offset": "0",
      },
    });
    outgoing.on("error", () => resolve());
    outgoing.on("close", () => resolve());
    outgoing.write(bytes);
  });
}

/** What is acknowledged of an upload, once it is more than this. */
async function offsetBeyond(url: string, headers: Record<string, string>, least: number): Promise<number> {
  for (;;) {
    const response = await fetch(url, { method: "HEAD", headers });
    expect(response.status).toBe(200);
    const offset = Number(response.headers.get("upload-offset"));
    if (offset > least) return offset;
    await sleep(50);
  }
}
