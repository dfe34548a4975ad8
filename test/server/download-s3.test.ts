import { randomBytes } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { every, type FaultProxy, startFaultProxy } from "../blob/fault-proxy.ts";
import { acmeApk, pngFile, uploadApk } from "../support/acme-apk.ts";
import { rgwTools, testS3Settings } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";
import { bytesOf, openTestStore, sourceOf, tarGzBytes, type TestStore } from "../support/test-store.ts";
import { mountApi } from "../../src/server/api/mount-api.ts";
import { mountTransfer } from "../../src/server/transfer/mount-transfer.ts";
import { ask, startTransferServer, type TransferServer } from "./transfer-server.ts";

const bytes = Buffer.from(tarGzBytes(randomBytes(3 * 1024 * 1024).toString("latin1")));

let proxy: FaultProxy;
let proxied: TestStore;
let redirecting: TestStore;
let server: TransferServer;
let redirects: TransferServer;
let path: string;

const reader = { Authorization: "Bearer package.read" };

/** A finalized package of the bytes, twice; answers its address. */
async function packageOf({ registry }: TestStore): Promise<string> {
  const { id } = await registry.createPackage({ kind: "run" });
  const { sha256 } = await registry.uploadObject(sourceOf(bytes));
  await registry.addPackageFiles(id, [
    { path: "a/ä.log", sha256 },
    { path: "b.log", sha256 },
  ]);
  await registry.finalizePackage(id);
  return `/packages/${id}`;
}

/** Publishes the bytes as an app that everybody may read; answers where they are downloaded. */
async function publish({ registry }: TestStore): Promise<string> {
  await registry.createApp("acme", { visibility: "public" });
  const { sha256 } = await registry.uploadObject(sourceOf(bytes));
  const artifact = { platform: "linux", filename: "ä b.tar.gz", sha256 } as const;
  await registry.publish({ app: "acme", version: "1", channel: "beta", artifacts: [artifact] });
  return `/download/${sha256}`;
}

needs(...rgwTools)("downloads of bytes on Ceph RGW", () => {
  beforeAll(async () => {
    const settings = await testS3Settings();
    proxy = await startFaultProxy(settings.endpoint!);
    const storage = { kind: "s3", ...settings, endpoint: proxy.endpoint } as const;
    proxied = await openTestStore({ storage });
    redirecting = await openTestStore({
      storage: { ...storage, ...(await testS3Settings()), downloads: "redirect" },
    });
    const mount: typeof mountTransfer = (app, deps) => {
      mountTransfer(app, deps);
      mountApi(app, deps);
    };
    server = await startTransferServer(proxied, { mount });
    redirects = await startTransferServer(redirecting, { mount });
    path = await publish(proxied);
    await publish(redirecting);
  });
  afterAll(async () => {
    await server.close();
    await redirects.close();
    await proxied.close();
    await redirecting.close();
    await proxy.close();
  });

  describe("through the server", () => {
    it("are whole, in ranges, and in several", async () => {
      const answer = await ask(server.url + path);
      expect(answer.body.equals(bytes)).toBe(true);
      const part = await ask(server.url + path, { headers: { Range: "bytes=100-199" } });
      expect([part.status, part.body.equals(bytes.subarray(100, 200))]).toEqual([206, true]);
      const parts = await ask(server.url + path, { headers: { Range: "bytes=0-9,3000000-3000009" } });
      expect(parts.status).toBe(206);
      expect(parts.body.includes(bytes.subarray(3_000_000, 3_000_010))).toBe(true);
    });

    // Catches damaged bytes that a client takes for the whole because all of them came.
    it("break off before their last byte when the store gives other bytes, and that is logged", async () => {
      proxy.rule = every("GetObject", { kind: "damage answer", at: 1_000_000 });
      await expect(ask(server.url + path)).rejects.toMatchObject({ code: "ECONNRESET" });
      proxy.rule = () => undefined;
      expect(server.logged.join()).toMatch(/blob\.damaged/);
      expect((await ask(server.url + path)).body.equals(bytes)).toBe(true);
    });

    it("are a package's files, and its archive", async () => {
      const at = server.url + (await packageOf(proxied));
      const file = await ask(`${at}/files/a/%C3%A4.log`, { headers: { ...reader, Range: "bytes=5-9" } });
      expect([file.status, file.body.equals(bytes.subarray(5, 10))]).toEqual([206, true]);
      const archive = await ask(`${at}/archive`, { headers: reader });
      const first = archive.body.indexOf(bytes);
      expect([first > 0, archive.body.indexOf(bytes, first + 1) > first]).toEqual([true, true]);
      proxy.rule = every("GetObject", { kind: "damage answer", at: 1_000_000 });
      await expect(ask(`${at}/archive`, { headers: reader })).rejects.toMatchObject({ code: "ECONNRESET" });
      proxy.rule = () => undefined;
    });

    it("are not handed to a proxy that sends files: there is none", async () => {
      const accelerated = await startTransferServer(proxied, { settings: { sendFile: "x-accel" } });
      const { headers, body } = await ask(accelerated.url + path);
      expect([headers["x-accel-redirect"], body.equals(bytes)]).toEqual([undefined, true]);
      await accelerated.close();
    });
  });

  describe("from the store itself", () => {
    // A page's policy takes pictures from its own origin alone.
    it("are sent from here when they are an icon", async () => {
      const { registry } = redirecting;
      const artifacts = [await uploadApk(registry, acmeApk({ icon: pngFile() }))];
      await registry.publish({ app: "icons", version: "1", artifacts });
      const { artifacts: shown } = await registry.getRelease("icons", { release: "1" });
      const answer = await ask(`${redirects.url}/download/${shown[0]!.icon_sha256}`);
      expect([answer.status, answer.body.equals(pngFile())]).toEqual([200, true]);
    });

    it("are redirected to, and come under their name", async () => {
      const answer = await ask(redirects.url + path);
      expect([answer.status, answer.headers["cache-control"]]).toEqual([302, "no-store"]);
      const direct = await ask(answer.headers.location!);
      expect(direct.body.equals(bytes)).toBe(true);
      expect(direct.headers["content-disposition"]).toBe(
        `attachment; filename="_ b.tar.gz"; filename*=UTF-8''%C3%A4%20b.tar.gz`,
      );
      expect(direct.headers["content-type"]).toBe("application/gzip");
      const part = await ask(answer.headers.location!, { headers: { Range: "bytes=5-9" } });
      expect([part.status, part.body.equals(bytes.subarray(5, 10))]).toEqual([206, true]);
    });

    it("are a package's files; its archive comes through the server", async () => {
      const at = redirects.url + (await packageOf(redirecting));
      const answer = await ask(`${at}/files/a/%C3%A4.log`, { headers: reader });
      expect([answer.status, answer.headers["cache-control"]]).toEqual([302, "no-store"]);
      const direct = await ask(answer.headers.location!);
      expect(direct.body.equals(bytes)).toBe(true);
      expect(direct.headers["content-disposition"]).toBe(
        `attachment; filename="_.log"; filename*=UTF-8''%C3%A4.log`,
      );
      const archive = await ask(`${at}/archive?format=zip`, { headers: reader });
      expect([archive.status, archive.body.includes(bytes)]).toEqual([200, true]);
    });

    it("are told of by HEAD, and are not sent again to who has them", async () => {
      const head = await ask(redirects.url + path, { method: "HEAD" });
      expect([head.status, head.headers["content-length"]]).toEqual([200, `${bytes.length}`]);
      const known = await ask(redirects.url + path, { headers: { "If-None-Match": head.headers.etag! } });
      expect(known.status).toBe(304);
    });

    it("are for nobody who may not read them", async () => {
      await redirecting.registry.updateApp("acme", { visibility: "private" });
      expect((await ask(redirects.url + path)).status).toBe(404);
      expect((await bytesOf(redirecting.registry, path.slice("/download/".length))).equals(bytes)).toBe(true);
    });
  });
});
