import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { ArtifactRecord, ArtifactRequest } from "../../src/registry/records/releases.ts";
import { openTestStore, sourceOf, tarGzBytes, type TestStore } from "../support/test-store.ts";
import { ask, startTransferServer, type TransferServer } from "./transfer-server.ts";

let test: TestStore;
let server: TransferServer;
let artifacts: readonly ArtifactRecord[];

beforeAll(async () => {
  test = await openTestStore();
  server = await startTransferServer(test);
  const zip = Buffer.concat([Buffer.from("504b0304", "hex"), Buffer.alloc(64)]);
  const artifact = async (bytes: Uint8Array, request: Pick<ArtifactRequest, "arch" | "filename">) => ({
    platform: "linux" as const,
    sha256: (await test.registry.uploadObject(sourceOf(bytes))).sha256,
    ...request,
  });
  await test.registry.createApp("acme", { visibility: "private" });
  await test.registry.publish({
    app: "acme",
    version: "1",
    channel: "beta",
    artifacts: [
      await artifact(tarGzBytes("arm"), { arch: "arm64", filename: "arm.tar.gz" }),
      await artifact(zip, { arch: "arm64", filename: "arm.zip" }),
      await artifact(tarGzBytes("intel"), { arch: "x86_64", filename: "intel.tar.gz" }),
      await artifact(tarGzBytes("risc"), { arch: "riscv64", filename: "risc.tar.gz" }),
    ],
  });
  artifacts = (await test.registry.getRelease("acme", { release: "1" })).artifacts;
});
afterAll(async () => {
  await server.close();
  await test.close();
});

const get = (path: string, method = "GET", headers = { Authorization: "Bearer read" }) =>
  ask(`${server.url}/download/${path}`, { method, headers });

describe("GET /download/{app}/{channel}/{platform}", () => {
  it.each([
    ["", "intel.tar.gz"],
    ["/arm64", "arm.tar.gz"],
    ["/aarch64", "arm.tar.gz"],
    ["/amd64", "intel.tar.gz"],
    ["/riscv64", "risc.tar.gz"],
    ["/zip", "arm.zip"],
    ["/tar", "intel.tar.gz"],
    ["/arm64/zip", "arm.zip"],
    ["/aarch64/tar", "arm.tar.gz"],
  ])("linux%s leads to %s", async (path, filename) => {
    const named = artifacts.find((artifact) => artifact.filename === filename)!;
    for (const method of ["GET", "HEAD"]) {
      const answer = await get(`acme/beta/linux${path}`, method);
      expect(answer.status).toBe(302);
      expect(answer.headers).toMatchObject({
        location: `/download/${named.sha256}?artifact=${named.id}&channel=beta`,
        "cache-control": "no-store",
      });
    }
  });

  it.each([
    ["acme/beta/beos", "request.not_found"],
    ["acme/beta/linux/sparc", "request.not_found"],
    ["acme/beta/linux/constructor", "request.not_found"],
    ["acme/beta/linux/arm64/lzh", "request.not_found"],
    ["acme/beta/linux/zip/arm64", "request.not_found"],
    ["acme/beta/linux/x86", "release.not_found"],
    ["acme/beta/windows", "release.not_found"],
    ["acme/stable/linux", "channel.not_found"],
    ["nobody/beta/linux", "app.not_found"],
  ])("%s is %s, which no cache keeps", async (path, code) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code } });
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  it("does not tell a private app from none", async () => {
    const answer = await ask(`${server.url}/download/acme/beta/linux`);
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toContain("app.not_found");
  });

  it("leads to bytes that can be downloaded", async () => {
    const { headers } = await get("acme/beta/linux/riscv64");
    const answer = await ask(`${server.url}${headers.location}`, {
      headers: { Authorization: "Bearer read" },
    });
    expect(answer.body.equals(Buffer.from(tarGzBytes("risc")))).toBe(true);
    expect(answer.headers["content-disposition"]).toBe('attachment; filename="risc.tar.gz"');
  });
});
