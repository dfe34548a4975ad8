import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  actionsOf,
  eventsDuring,
  leasedDigests,
  openTestStore,
  outcomeOf,
  publishTar,
  sqlOn,
  tarArtifact,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const exists = {
  code: "transaction.integrity",
  kind: "conflict",
  details: { rule: "release.version_exists" },
};

describe("a version and build that exist", () => {
  it("are refused, with the release that holds them", async () => {
    const { release } = await publishTar(test.registry, { version: "1", build: "2" });
    await expect(publishTar(test.registry, { version: "1", build: "2" })).rejects.toMatchObject({
      ...exists,
      details: { rule: "release.version_exists", release_id: release.id, status: "published" },
    });
    expect((await publishTar(test.registry, { version: "1", build: "3" })).status).toBe("published");
    expect((await publishTar(test.registry, { version: "1" })).status).toBe("published");
    expect(leasedDigests(test)).toEqual([]);
  });

  it("are refused by the check before any byte is sent, but not with skip", async () => {
    await publishTar(test.registry, { version: "1" });
    const request = { app: "acme", version: "1", artifacts: [{ platform: "linux" as const }] };
    await expect(test.registry.checkPublish(request)).rejects.toMatchObject(exists);
    await test.registry.checkPublish({ ...request, if_exists: "skip" });
  });

  it("stay taken when the release is revoked, with skip too", async () => {
    await publishTar(test.registry, { version: "1" });
    await test.registry.revokeRelease("acme", { release: "1" });
    for (const if_exists of ["fail", "skip"] as const) {
      await expect(test.registry.publish(await request({ if_exists }))).rejects.toMatchObject({
        ...exists,
        details: { status: "revoked" },
      });
    }
  });

  it("stay taken when cleanup deleted the release, with skip too", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    for (const version of ["1", "2", "3"]) {
      await publishTar(test.registry, { version });
      test.clock.advance(1000);
    }
    await test.registry.cleanupStore({ apply: true });
    for (const if_exists of ["fail", "skip"] as const) {
      await expect(test.registry.publish(await request({ if_exists }))).rejects.toMatchObject({
        ...exists,
        details: { status: "deleted" },
      });
    }
    expect((await test.registry.getRelease("acme", { release: "1" })).status).toBe("deleted");
  });

  it("belong to one app: another app has its own", async () => {
    await publishTar(test.registry, { version: "1" });
    expect((await publishTar(test.registry, { app: "other", version: "1" })).status).toBe("published");
  });

  it("go to one of two that publish at once", async () => {
    const outcomes = await Promise.allSettled([
      publishTar(test.registry, { version: "1", text: "a" }),
      publishTar(test.registry, { version: "1", text: "b" }),
    ]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({ reason: exists });
    expect((await test.registry.listReleases("acme")).items).toHaveLength(1);
  });

  const request = async (changes: { if_exists: "fail" | "skip" }) => {
    const sha256 = await uploadTar(test.registry, "1");
    return { app: "acme", version: "1", artifacts: [tarArtifact(sha256)], ...changes };
  };
});

describe("if_exists skip", () => {
  const skip = { version: "1", if_exists: "skip" } as const;

  it("publishes what is not there yet", async () => {
    expect((await publishTar(test.registry, { ...skip, channel: "beta" })).status).toBe("published");
  });

  it("answers unchanged, records nothing and frees the lease when every digest is the same", async () => {
    const first = await publishTar(test.registry, { version: "1", channel: "beta" });
    let again: typeof first | undefined;
    const events = await eventsDuring(test.registry, async () => {
      again = await publishTar(test.registry, { ...skip, channel: "beta" });
    });
    expect(again).toEqual({ ...first, status: "unchanged" });
    expect(events).toEqual([]);
    expect(leasedDigests(test)).toEqual([]);
  });

  it("promotes the channel asked for, and then says so", async () => {
    const { release } = await publishTar(test.registry, { version: "1" });
    let again: unknown;
    const events = await eventsDuring(test.registry, async () => {
      again = await publishTar(test.registry, { ...skip, channel: "beta" });
    });
    expect(again).toMatchObject({
      status: "promoted",
      release: { id: release.id },
      channel: { name: "beta", current_release_id: release.id, previous_release_id: null },
    });
    expect(actionsOf(events)).toEqual(["channel.created", "channel.promoted"]);
  });

  it("answers unchanged when policy refuses the promotion", async () => {
    await publishTar(test.registry, { version: "1" });
    await test.registry.setChannel("acme", "stable", { policy: { promote: "manual" } });
    expect(await publishTar(test.registry, { ...skip, channel: "stable" })).toMatchObject({
      status: "unchanged",
      channel: { promoted: false, refusal: { details: { rule: "manual" } }, current_release_id: null },
    });
  });

  it.each([
    ["other bytes", ["other"], ["universal"]],
    ["one artifact more", ["1", "1"], ["universal", "arm64"]],
    ["the same bytes for another arch", ["1"], ["arm64"]],
  ] as const)("refuses %s", async (_, texts, arches) => {
    await publishTar(test.registry, { version: "1" });
    const artifacts = [];
    for (const [index, arch] of arches.entries())
      artifacts.push(tarArtifact(await uploadTar(test.registry, texts[index]!), { arch }));
    await expect(test.registry.publish({ app: "acme", ...skip, artifacts })).rejects.toMatchObject({
      code: "transaction.integrity",
      details: { rule: "release.digest_mismatch" },
    });
  });

  it("lets two runners publish the same bytes at once: one publishes, the other finds it unchanged", async () => {
    const results = await Promise.all(
      ["one", "two"].map((name) => publishTar(test.as(["publish"], { name }), { ...skip, channel: "beta" })),
    );
    expect(results.map(({ status }) => status).toSorted()).toEqual(["published", "unchanged"]);
    expect(results[0]!.release.id).toBe(results[1]!.release.id);
    expect(leasedDigests(test)).toEqual([]);
  });
});

describe("an app that changes while a release is prepared", () => {
  it("sends the publication back when the retention class is another: the manifest names it", async () => {
    await test.registry.createApp("acme", {});
    const sha256 = await uploadTar(test.registry, "x");
    // The app is read before the clock is: what happens now comes between.
    const nowMs = test.clock.nowMs.bind(test.clock);
    test.clock.nowMs = () => {
      test.clock.nowMs = nowMs;
      sqlOn(test, "UPDATE app SET retention_class = 'transient'");
      return nowMs();
    };
    const request = { app: "acme", version: "1", artifacts: [tarArtifact(sha256)] };
    expect(await outcomeOf(test.registry.publish(request))).toBe("package.changed");
    expect((await test.registry.listReleases("acme")).items).toEqual([]);
  });
});
