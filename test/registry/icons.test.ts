import { rm } from "node:fs/promises";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { PublishRequest } from "../../src/registry/records/releases.ts";
import { objectPath } from "../store/store-files.ts";
import { acmeApk, pngFile, uploadApk } from "../support/acme-apk.ts";
import {
  actionsOf,
  bytesOf,
  eventsDuring,
  eventsOf,
  openTestStore,
  outcomeOf,
  sqlOn,
  type TestStore,
} from "../support/test-store.ts";

const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore({ blobs: "directory" });
});
afterEach(() => test.close());

const icon = pngFile();

/** Publishes an APK of its own for every version, all with the same icon; answers the icon's digest. */
async function publish(version: string, head: Partial<PublishRequest> = {}): Promise<string> {
  const artifacts = [await uploadApk(test.registry, acmeApk({ icon, text: version }))];
  await test.registry.publish({ app: "acme", version, channel: "beta", ...head, artifacts });
  const release = await test.registry.getRelease("acme", { release: version });
  return release.artifacts[0]!.icon_sha256!;
}

const deletedBy = async () => (await test.registry.cleanupStore({ apply: true })).deleted.map(({ id }) => id);
const isStored = (sha256: string) =>
  sqlOn(test, "SELECT status FROM storage_location WHERE sha256 = ?", sha256).length === 1;

describe("an icon", () => {
  it("is an object that whoever may read the release may read, as the picture it is", async () => {
    const sha256 = await publish("1");
    expect(await test.anonymous().openObject(sha256)).toMatchObject({
      content_type: "image/png",
      filename: null,
      is_public: true,
    });
    expect((await bytesOf(test.anonymous(), sha256)).equals(icon)).toBe(true);
  });

  it("of a private app is nobody else's to know of", async () => {
    const sha256 = await publish("1");
    await test.registry.updateApp("acme", { visibility: "private" });
    for (const reader of [test.anonymous(), test.as(["read"], { app: "other" })])
      expect(await outcomeOf(bytesOf(reader, sha256))).toBe("object.not_found");
    expect(await outcomeOf(bytesOf(test.as(["read"], { app: "acme" }), sha256))).toBe("ok");
  });

  it("that several releases have is stored once", async () => {
    const sha256 = await publish("1");
    expect(await publish("2")).toBe(sha256);
    const stored = await eventsOf(test.registry, { action: "object.stored", target: sha256 });
    expect(stored).toHaveLength(1);
  });

  it("is kept by what names it: an open draft, a revoked release, one that is deleted", async () => {
    const artifact = await uploadApk(test.registry, acmeApk({ icon: pngFile("draft") }));
    await test.registry.draftRelease({ app: "acme", version: "0" });
    const draft = await test.registry.attachArtifact("acme", { release: "0" }, artifact);
    const drafted = draft.artifacts[0]!.icon_sha256!;
    const sha256 = await publish("1");
    await test.registry.revokeRelease("acme", { release: "1" });
    test.clock.advance(2 * DAY_MS);
    expect(await deletedBy()).toEqual([]);
    expect([isStored(drafted), isStored(sha256)]).toEqual([true, true]);
    // Their bytes go; what the log says of them stays whole.
    await test.registry.updateApp("acme", { retention_keep: 2 });
    for (const version of ["2", "3", "4"]) await plain(version);
    test.clock.advance(7 * DAY_MS);
    const { id } = await test.registry.getRelease("acme", { release: "1" });
    expect(await deletedBy()).toContain(id);
    expect([isStored(drafted), isStored(sha256)]).toEqual([true, true]);
    expect(await test.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
  });

  it("that is gone is found by verification", async () => {
    const sha256 = await publish("1");
    await rm(objectPath(test.directory, sha256));
    const { problems } = await test.registry.verifyStore();
    expect(problems).toMatchObject([{ code: "object.missing", target: sha256 }]);
  });

  it("whose row is gone is found by verification, and its file is not taken for litter", async () => {
    const sha256 = await publish("1");
    sqlOn(test, "DELETE FROM storage_location WHERE sha256 = ?", sha256);
    const { problems, collectable } = await test.registry.verifyStore();
    expect(problems).toMatchObject([{ code: "object.missing", target: sha256 }]);
    expect(collectable).toEqual([]);
  });

  it("of a publication that was refused is collected at once", async () => {
    const sha256 = await publish("1");
    const other = acmeApk({ icon: pngFile("other") });
    const artifacts = [await uploadApk(test.registry, other)];
    const refused = await eventsDuring(test.registry, async () => {
      const again = { app: "acme", version: "1", artifacts };
      expect(await outcomeOf(test.registry.publish(again))).toBe("transaction.integrity");
    });
    expect(actionsOf(refused)).toEqual(["object.stored"]);
    const deleted = await deletedBy();
    expect(deleted).toHaveLength(2);
    expect(deleted).toEqual(expect.arrayContaining([artifacts[0]!.sha256, refused[0]!.target_id]));
    expect(isStored(sha256)).toBe(true);
  });

  it("of a file with an error is not kept at all", async () => {
    const artifacts = [await uploadApk(test.registry, acmeApk({ icon }), { filename: "acme.aab" })];
    const events = await eventsDuring(test.registry, async () => {
      const request = { app: "acme", version: "1", artifacts };
      expect(await outcomeOf(test.registry.publish(request))).toBe("validation.failed");
    });
    expect(events).toEqual([]);
  });

  it("stands in the log: views made of it anew name it", async () => {
    const sha256 = await publish("1");
    expect(await test.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
    const { artifacts } = await test.registry.getRelease("acme", { release: "1" });
    expect(artifacts[0]!.icon_sha256).toBe(sha256);
  });
});

/** Publishes an APK without an icon. */
async function plain(version: string): Promise<void> {
  const artifacts = [await uploadApk(test.registry, acmeApk({ text: version }))];
  await test.registry.publish({ app: "acme", version, channel: "beta", artifacts });
}
