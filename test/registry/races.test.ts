import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { decodeCanonical } from "../../src/base/cbor.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import { openStore, type Store } from "../../src/registry/open-store.ts";
import type { Registry } from "../../src/registry/registry.ts";
import {
  actionsOf,
  eventsOf,
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  tarArtifact,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

/** Two nodes on one store, each with its own connections: what one has checked the other must not undo before its commit. */

const ROUNDS = 5;
const MANY = 25;
const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
let other: Store;
let nodes: readonly [Registry, Registry];
beforeEach(async () => {
  test = await openTestStore();
  const { directory, settings, storage, clock } = test;
  other = await openStore({ directory, create: false, settings, storage, clock });
  nodes = [test.registry, other.as(localPrincipal("other"))];
});
afterEach(async () => {
  await other.close();
  await test.close();
});

describe("two nodes at once", () => {
  it("publish one version: one wins, and the other is told", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const version = `1.${round}`;
      const digests = [
        await uploadTar(nodes[0], `a${version}`),
        await uploadTar(nodes[1], `b${version}`),
      ] as const;
      const outcomes = await Promise.all(
        nodes.map((node, index) =>
          outcomeOf(
            node.publish({
              app: "acme",
              version,
              channel: "beta",
              artifacts: [tarArtifact(digests[index]!)],
            }),
          ),
        ),
      );
      expect(outcomes.toSorted()).toEqual(["ok", "transaction.integrity"]);
      const won = digests[outcomes.indexOf("ok")]!;
      expect((await nodes[0].getRelease("acme", { release: version })).artifacts[0]!.sha256).toBe(won);
    }
    expect(await test.registry.verifyStore()).toMatchObject({ ok: true });
  });

  // A channel must never point at a revoked release, whichever comes first.
  it("promote and revoke one release: never a revoked release on a channel", async () => {
    await publishTar(nodes[0], { version: "1.0", channel: "beta" });
    for (let round = 0; round < ROUNDS; round += 1) {
      const version = `2.${round}`;
      await publishTar(nodes[0], { version, channel: null });
      const [promoted, revoked] = await Promise.all([
        outcomeOf(nodes[0].promote("acme", "beta", { release: version })),
        outcomeOf(nodes[1].revokeRelease("acme", { release: version })),
      ]);
      expect(revoked).toBe("ok");
      expect(["ok", "release.revoked"]).toContain(promoted);
      expect((await nodes[1].getChannel("acme", "beta")).current_version).toBe("1.0");
    }
    expect(await test.registry.verifyStore()).toMatchObject({ ok: true });
    expect(await test.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
  });

  it("promote two releases over the one both saw: one wins, and the other is told", async () => {
    const { release } = await publishTar(nodes[0], { version: "1.0", channel: "beta" });
    for (const version of ["2.0", "3.0"]) await publishTar(nodes[0], { version, channel: null });
    const outcomes = await Promise.all(
      ["2.0", "3.0"].map((version, index) =>
        outcomeOf(nodes[index]!.promote("acme", "beta", { release: version, expect: release.id })),
      ),
    );
    expect(outcomes.toSorted()).toEqual(["channel.moved", "ok"]);
  });

  it("sweep: each transition is recorded once, and by one of them", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    const all: string[] = [];
    for (let round = 0; round < MANY; round += 1) {
      const ends = [await finalized(), await finalized()];
      const { release } = await publishTar(nodes[0], { version: `1.${round}`, channel: "beta" });
      await publishTar(nodes[0], { version: `2.${round}`, channel: "beta" });
      await publishTar(nodes[0], { version: `3.${round}`, channel: "beta" });
      test.clock.advance(8 * DAY_MS);
      const reports = await Promise.all(nodes.map((node) => node.sweepRetention()));
      const marked = reports.flatMap((report) => report.marked);
      expect(new Set(marked).size).toBe(marked.length);
      expect(marked).toEqual(expect.arrayContaining([...ends, release.package_id]));
      const events = actionsOf(await eventsOf(test.registry, { action: "retention.deletion_eligible" }));
      all.push(...marked);
      expect(events).toHaveLength(all.length);
    }
  });

  // A mark that a hold took back must not be put down again by a sweep that looked before.
  it("sweep and hold: the marks are about what is so", async () => {
    for (let round = 0; round < MANY; round += 1) {
      const id = await finalized();
      test.clock.advance(8 * DAY_MS);
      await Promise.all([nodes[0].sweepRetention(), nodes[1].holdPackage(id, { reason: "Dispute." })]);
      expect(await nodes[0].getRetention(id)).toMatchObject({
        marked_at: null,
        eligible_for_deletion: false,
      });
      const { items } = await nodes[0].retentionHistory(id);
      const marks = items.map(({ type }) => type).filter((type) => type.includes(".deletion_"));
      expect(["", "v1.retention.deletion_eligible,v1.retention.deletion_ineligible"]).toContain(marks.join());
    }
  });

  it("hold and clean up: it is held or it is gone, and who asked knows which", async () => {
    for (let round = 0; round < MANY; round += 1) {
      const id = await finalized();
      test.clock.advance(8 * DAY_MS);
      const [held] = await Promise.all([
        outcomeOf(nodes[0].holdPackage(id, { reason: "Dispute." })),
        nodes[1].cleanupStore({ apply: true }),
      ]);
      expect(["ok", "package.deleted"]).toContain(held);
      const after = await outcomeOf(nodes[1].verifyPackage(id));
      expect(after).toBe(held);
    }
    expect(await test.registry.verifyStore()).toMatchObject({ ok: true });
  });

  it.each([
    ["add", async (node: Registry, id: string) => node.addPackageFiles(id, [await file(node, "new", "new")])],
    ["remove", (node: Registry, id: string) => node.removePackageFile(id, "b")],
    [
      "replace",
      async (node: Registry, id: string) =>
        node.addPackageFiles(id, [await file(node, "a", "other")], { replace: true }),
    ],
    ["fail", (node: Registry, id: string) => node.failPackage(id, { reason: "The run broke off." })],
  ])("finalize and %s: the manifest lists what is there", async (_, change) => {
    for (let round = 0; round < MANY; round += 1) {
      const id = await open();
      const [finalizing, changed] = await Promise.all([
        outcomeOf(nodes[0].finalizePackage(id)),
        outcomeOf(change(nodes[1], id)),
      ]);
      expect(["ok", "package.changed", "package.not_open"]).toContain(finalizing);
      expect(["ok", "package.not_open"]).toContain(changed);
      const { status } = await nodes[0].getPackage(id);
      expect(status === "finalized").toBe(finalizing === "ok");
      if (status === "failed") continue;
      await nodes[1].finalizePackage(id);
      expect(await listedIn(await nodes[0].packageManifest(id))).toEqual(await filesOf(id));
      expect(await nodes[0].verifyPackage(id)).toMatchObject({ ok: true });
    }
    expect(await test.registry.verifyStore()).toMatchObject({ ok: true });
  });

  it("create by one key: there is one package, and one of them made it", async () => {
    for (let round = 0; round < MANY; round += 1) {
      const request = { kind: "run", key: `run:${round}` };
      const [one, two] = await Promise.all(nodes.map((node) => node.createPackage(request)));
      expect(two!.id).toBe(one!.id);
      expect([one!.created, two!.created].toSorted()).toEqual([false, true]);
    }
    const made = await eventsOf(test.registry, { action: "package.created" });
    expect(made).toHaveLength(MANY);
  });
});

let texts = 0;

/** A file of these bytes; new ones where no text is given. */
async function file(node: Registry, path: string, text = `text ${(texts += 1)}`) {
  return { path, sha256: (await node.uploadObject(sourceOf(Buffer.from(text)))).sha256 };
}

async function open(): Promise<string> {
  const { id } = await test.registry.createPackage({ kind: "run", retention_class: "transient" });
  await test.registry.addPackageFiles(id, [await file(test.registry, "a"), await file(test.registry, "b")]);
  return id;
}

async function finalized(): Promise<string> {
  return (await test.registry.finalizePackage(await open())).id;
}

async function filesOf(id: string): Promise<string[]> {
  const { items } = await test.registry.listPackageFiles(id);
  return items.map(({ path, sha256 }) => `${path} ${sha256}`);
}

async function listedIn(manifest: Uint8Array): Promise<string[]> {
  const { files } = decodeCanonical(manifest) as unknown as {
    files: { path: string; digests: { sha256: Uint8Array } }[];
  };
  return files.map(({ path, digests }) => `${path} ${Buffer.from(digests.sha256).toString("hex")}`);
}
