import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { localPrincipal } from "../../src/registry/principal.ts";
import { openStore, type Store } from "../../src/registry/open-store.ts";
import type { Registry } from "../../src/registry/registry.ts";
import {
  openTestStore,
  outcomeOf,
  publishTar,
  tarArtifact,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

/** Two nodes on one store, each with its own connections: what one has checked the other must not undo before its commit. */

const ROUNDS = 5;

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
});
