import { randomBytes } from "node:crypto";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { connect } from "../../src/client/connect.ts";
import { openTestStore, sourceOf, type TestStore } from "../support/test-store.ts";
import { startTransferServer, type TransferServer } from "../server/transfer-server.ts";
import { fast } from "./fake-server.ts";

let test: TestStore;
let server: TransferServer;
let remote: ReturnType<typeof connect>;
beforeEach(async () => {
  test = await openTestStore();
  server = await startTransferServer(test);
  remote = connect({ server: server.url, token: "publish", timing: fast });
});
afterEach(async () => {
  await remote.close();
  await server.close();
  await test.close();
});

// Catches a client whose uploads are not what the same calls make of them on this machine.
describe("an upload in pieces over HTTP", () => {
  it("is the same record as here at every step", async () => {
    const local = test.as(["publish"]);
    const bytes = randomBytes(3000);
    const metadata = `name ${Buffer.from("a.bin").toString("base64")}`;
    const begun = await remote.createUpload({ size_bytes: bytes.length, metadata });
    expect(begun).toMatchObject({ offset: 0, metadata, object: null });
    const half = await remote.appendUpload(begun.id, {
      offset: 0,
      sizeBytes: 1000,
      open: () => sourceOf(bytes.subarray(0, 1000)).open(),
    });
    expect(half).toEqual(await local.getUpload(begun.id));
    expect(await remote.getUpload(begun.id)).toEqual(half);
    const whole = await remote.appendUpload(begun.id, {
      offset: 1000,
      open: () => sourceOf(bytes.subarray(1000)).open(),
    });
    expect(whole).toEqual(await local.getUpload(begun.id));
    expect(whole.object).toMatchObject({ size_bytes: 3000, existed: false });
  });

  it("is forgotten, and then is not there", async () => {
    const { id } = await remote.createUpload({ size_bytes: 10 });
    await remote.endUpload(id);
    await expect(remote.getUpload(id)).rejects.toMatchObject({ code: "upload.not_found" });
    await expect(remote.endUpload(id)).rejects.toMatchObject({ code: "upload.not_found" });
  });

  it("refuses what the server refuses", async () => {
    const { id } = await remote.createUpload({ size_bytes: 10 });
    const late = remote.appendUpload(id, { offset: 5, open: () => sourceOf(Buffer.alloc(5)).open() });
    await expect(late).rejects.toMatchObject({ code: "upload.offset_mismatch", details: { offset: 0 } });
    await expect(remote.createUpload({ size_bytes: 2 ** 40 })).rejects.toMatchObject({
      code: "blob.too_large",
    });
  });
});
