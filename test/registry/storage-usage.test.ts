import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openTestStore, publishTar, sourceOf, type TestStore } from "../support/test-store.ts";

const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

/** A finalized package of evidence with one file of so many bytes. */
async function evidence(sizeBytes: number, retentionClass: string): Promise<string> {
  const { id } = await test.registry.createPackage({ kind: "run", retention_class: retentionClass });
  const { sha256 } = await test.registry.uploadObject(sourceOf(Buffer.alloc(sizeBytes, `${sizeBytes}`)));
  await test.registry.addPackageFiles(id, [{ path: "a", sha256 }]);
  await test.registry.finalizePackage(id);
  return id;
}

describe("storage use", () => {
  it("counts packages by class, state, app and month, and what is stored once", async () => {
    const { artifacts } = await publishTar(test.registry, { version: "1", channel: "beta" });
    const release = artifacts[0]!.size_bytes;
    await publishTar(test.registry, { app: "twin", version: "1", text: "1", channel: "beta" });
    const short = await evidence(100, "transient");
    await evidence(200, "permanent-record");
    await test.registry.createPackage({ kind: "run" });
    test.clock.advance(20 * DAY_MS);
    const held = await evidence(400, "raw-evidence");
    await test.registry.holdPackage(held, { reason: "why" });
    await test.registry.sweepRetention();

    const usage = await test.registry.storageUsage();
    expect(usage).toMatchObject({
      packages: 5,
      size_bytes: 700 + 2 * release,
      by_state: {
        held: { packages: 1, size_bytes: 400 },
        eligible: { packages: 1, size_bytes: 100 },
        permanent: { packages: 1, size_bytes: 200 },
        kept: { packages: 2, size_bytes: 2 * release },
      },
      by_app: [
        { app: "acme", packages: 1, size_bytes: release },
        { app: "twin", packages: 1, size_bytes: release },
      ],
      other_apps: { packages: 0, size_bytes: 0 },
      evidence: { packages: 3, size_bytes: 700 },
      by_month: [
        { month: "2026-12", packages: 1, size_bytes: 400 },
        { month: "2026-11", packages: 4, size_bytes: 300 + 2 * release },
      ],
    });
    expect(usage.by_class).toContainEqual({ retention_class: "raw-evidence", packages: 1, size_bytes: 400 });
    expect(usage.by_class).toContainEqual({ retention_class: null, packages: 2, size_bytes: 2 * release });
    const { storage } = await test.registry.storeStatus();
    expect(usage.objects).toEqual({ objects: storage.objects, size_bytes: storage.bytes });

    await test.registry.cleanupStore({ apply: true });
    expect((await test.registry.getPackage(short)).status).toBe("deleted");
    const { by_state: states, evidence: left } = await test.registry.storageUsage();
    expect(states.eligible).toEqual({ packages: 0, size_bytes: 0 });
    expect(left).toEqual({ packages: 2, size_bytes: 600 });
  });

  it("follows holds that come and go, also before a package is closed and after it may go", async () => {
    const { id } = await test.registry.createPackage({ kind: "run", retention_class: "transient" });
    const { sha256 } = await test.registry.uploadObject(sourceOf(Buffer.from("four")));
    await test.registry.addPackageFiles(id, [{ path: "a", sha256 }]);
    const states = async () => {
      const { by_state: state } = await test.registry.storageUsage();
      return [state.held, state.eligible, state.kept].map(({ packages }) => packages);
    };
    const first = await test.registry.holdPackage(id, { reason: "why" });
    expect(await states()).toEqual([0, 0, 0]);
    await test.registry.finalizePackage(id);
    expect(await states()).toEqual([1, 0, 0]);
    const second = await test.registry.holdPackage(id, { reason: "why" });
    await test.registry.releaseHold(id, first.id, { reason: "why" });
    expect(await states()).toEqual([1, 0, 0]);
    await test.registry.releaseHold(id, second.id, { reason: "why" });
    expect(await states()).toEqual([0, 0, 1]);
    test.clock.advance(8 * DAY_MS);
    await test.registry.sweepRetention();
    expect(await states()).toEqual([0, 1, 0]);
    await test.registry.holdPackage(id, { reason: "why" });
    expect(await states()).toEqual([1, 0, 0]);
    expect((await test.registry.rebuildStore()).problems).toEqual([]);
  });
});
