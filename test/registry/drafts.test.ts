import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { ArtifactRequest } from "../../src/registry/records/releases.ts";
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
  textOf,
  uploadTar,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const DAY_MS = 24 * 3600 * 1000;
const head = { app: "acme", version: "1", build: "7", channel: "beta" };
const ref = { release: "1" };

async function attach(
  text: string,
  changes: Partial<ArtifactRequest> = {},
  options: { replace?: boolean; as?: TestStore["registry"] } = {},
) {
  const registry = options.as ?? test.registry;
  const artifact = tarArtifact(await uploadTar(registry, text), changes);
  return registry.attachArtifact("acme", ref, artifact, { replace: options.replace ?? false });
}

describe("a draft", () => {
  it("is one flat release, the same one when it is drafted again", async () => {
    const draft = await test.registry.draftRelease({ ...head, notes: "n" });
    expect(draft).toStrictEqual({
      id: expect.stringMatching(/^rel_/),
      app_id: expect.stringMatching(/^app_/),
      app: "acme",
      package_id: expect.stringMatching(/^pkg_/),
      version: "1",
      build: "7",
      status: "draft",
      channel: "beta",
      current_in: [],
      was_current_in: [],
      notes: "n",
      notes_sha256: null,
      manifest_sha256: null,
      created_by: "local:tester",
      created_at: "2026-11-20T15:00:00.000Z",
      published_at: null,
      revoked_at: null,
      deleted_at: null,
      url: null,
      artifacts: [],
    });
    const again = await eventsDuring(test.registry, async () => {
      expect(await test.registry.draftRelease(head)).toEqual(draft);
    });
    expect(again).toEqual([]);
    expect((await test.registry.draftRelease({ ...head, build: "8" })).id).not.toBe(draft.id);
  });

  it("is filled by two runners and becomes visible at once, in the documented order", async () => {
    await test.as(["publish"], { name: "lead" }).draftRelease(head);
    const runners = ["x86_64", "arm64"] as const;
    await Promise.all(
      runners.map((arch) => attach(arch, { arch }, { as: test.as(["publish"], { name: arch }) })),
    );
    let result: Awaited<ReturnType<typeof test.registry.publishDraft>> | undefined;
    const events = await eventsDuring(test.registry, async () => {
      result = await test.as(["publish"], { name: "lead" }).publishDraft("acme", ref);
    });
    expect(actionsOf(events)).toEqual([
      "object.stored",
      "channel.created",
      "package.finalized",
      "release.published",
      "channel.promoted",
    ]);
    expect(result).toMatchObject({
      status: "published",
      channel: { name: "beta", previous_release_id: null },
    });
    expect(result!.artifacts.map(({ arch }) => arch).toSorted()).toEqual(["arm64", "x86_64"]);
    expect(await test.anonymous().getRelease("acme", ref)).toMatchObject({
      status: "published",
      current_in: ["beta"],
    });
  });

  it("shows nothing before it is published", async () => {
    const draft = await test.registry.draftRelease(head);
    const { artifacts } = await attach("x");
    for (const reader of [test.as(["read"]), test.as(["promote"]), test.anonymous()]) {
      expect((await reader.listReleases("acme")).items).toEqual([]);
      expect((await reader.listReleases("acme", { channel: "beta" })).items).toEqual([]);
      expect(await outcomeOf(reader.getRelease("acme", ref))).toBe("release.not_found");
      expect(await outcomeOf(reader.getRelease("acme", { release: draft.id }))).toBe("release.not_found");
      expect(await outcomeOf(textOf(reader, artifacts[0]!.sha256))).toBe("object.not_found");
      expect(await outcomeOf(reader.getChannel("acme", "beta"))).toBe("channel.not_found");
      expect((await reader.listChannels("acme")).items).toEqual([]);
    }
    const publisher = test.as(["publish"], { app: "acme" });
    expect((await publisher.listReleases("acme")).items.map(({ id }) => id)).toEqual([draft.id]);
    expect((await publisher.getRelease("acme", ref)).status).toBe("draft");
    expect(await outcomeOf(textOf(publisher, artifacts[0]!.sha256))).toBe("ok");
    const elsewhere = test.as(["publish"], { app: "other" });
    expect(await outcomeOf(elsewhere.getRelease("acme", ref))).toBe("release.not_found");
  });

  it("cannot be promoted or revoked", async () => {
    await test.registry.draftRelease({ ...head, channel: null });
    await test.registry.setChannel("acme", "beta", {});
    expect(await outcomeOf(test.registry.promote("acme", "beta", ref))).toBe("release.not_published");
    expect(await outcomeOf(test.registry.revokeRelease("acme", ref))).toBe("release.not_published");
    expect(await outcomeOf(test.registry.revokeRelease("acme", ref))).toBe("release.not_published");
  });
});

describe("attaching", () => {
  it("records a failed artifact, and publication refuses it until it is replaced", async () => {
    await test.registry.draftRelease(head);
    const failed = await attach("x", { filename: "acme.deb" });
    expect(failed.artifacts).toMatchObject([
      { format: "deb", validation_status: "failed", findings: [{ code: "validation.content_mismatch" }] },
    ]);
    await expect(test.registry.publishDraft("acme", ref)).rejects.toMatchObject({
      code: "validation.failed",
      details: { finding: "validation.content_mismatch" },
    });
    expect(await test.registry.getRelease("acme", ref)).toMatchObject({ status: "draft" });
    const deb = Buffer.from("!<arch>\ndebian-binary   1         0     0     100644  4         `\n2.0\n");
    const { sha256 } = await test.registry.uploadObject({
      open: async function* () {
        yield deb;
      },
    });
    const artifact = { platform: "linux", filename: "acme.deb", format: "deb", sha256 } as const;
    const replaced = await test.registry.attachArtifact("acme", ref, artifact, { replace: true });
    expect(replaced.artifacts).toMatchObject([{ sha256, validation_status: "passed" }]);
    expect((await test.registry.publishDraft("acme", ref)).status).toBe("published");
  });

  it("the same bytes again changes nothing", async () => {
    await test.registry.draftRelease(head);
    const first = await attach("x");
    const events = await eventsDuring(test.registry, async () => {
      expect(await attach("x")).toEqual(first);
    });
    expect(events).toEqual([]);
  });

  it("other bytes in the same place needs replace, and then the old ones are collectable", async () => {
    await test.registry.draftRelease(head);
    const old = (await attach("x")).artifacts[0]!.sha256;
    await expect(attach("y")).rejects.toMatchObject({
      code: "package.duplicate_path",
      details: { path: "linux/universal/acme.tar.gz", sha256: old },
    });
    const { artifacts } = await attach("y", {}, { replace: true });
    expect(artifacts).toHaveLength(1);
    expect(artifacts[0]!.sha256).not.toBe(old);
    const files = sqlOn(test, "SELECT path, sha256 FROM package_file");
    expect(files.map((row) => ({ ...row }))).toEqual([
      { path: "linux/universal/acme.tar.gz", sha256: artifacts[0]!.sha256 },
    ]);
    expect(await deletedBy(test)).toEqual([old]);
  });

  it.each([
    ["a platform the app does not take", { platform: "windows" }, "app.platform_not_allowed"],
    ["bytes nobody uploaded", { sha256: "0".repeat(64) }, "object.missing"],
    ["another size than declared", { size: 1 }, "validation.size_mismatch"],
  ] as const)("refuses %s", async (_, changes, code) => {
    await test.registry.createApp("acme", { allowed_platforms: ["linux"] });
    await test.registry.draftRelease(head);
    expect(await outcomeOf(attach("x", changes))).toBe(code);
    expect((await test.registry.getRelease("acme", ref)).artifacts).toEqual([]);
  });

  it("refuses a release that is published", async () => {
    await publishTar(test.registry, { version: "1" });
    expect(await outcomeOf(attach("y"))).toBe("package.not_open");
  });
});

describe("publishing a draft", () => {
  it("without artifacts is refused", async () => {
    await test.registry.draftRelease(head);
    expect(await outcomeOf(test.registry.publishDraft("acme", ref))).toBe("release.empty");
  });

  it("that is published already answers unchanged and records nothing", async () => {
    await test.registry.draftRelease(head);
    await attach("x");
    const first = await test.registry.publishDraft("acme", ref);
    const events = await eventsDuring(test.registry, async () => {
      const again = await test.registry.publishDraft("acme", { release: first.release.id });
      expect(again).toEqual({ ...first, status: "unchanged", channel: null });
    });
    expect(events).toEqual([]);
  });

  it("whose version was taken meanwhile is refused, and the draft stays", async () => {
    const draft = await test.registry.draftRelease(head);
    await attach("x");
    const taken = await publishTar(test.registry, { version: "1", build: "7", text: "other" });
    await expect(test.registry.publishDraft("acme", { release: draft.id })).rejects.toMatchObject({
      code: "transaction.integrity",
      details: { rule: "release.version_exists", release_id: taken.release.id },
    });
    await expect(test.registry.draftRelease(head)).rejects.toMatchObject({
      details: { rule: "release.version_exists" },
    });
    expect((await test.registry.getRelease("acme", { release: draft.id })).status).toBe("draft");
    expect((await test.registry.getRelease("acme", ref)).id).toBe(taken.release.id);
    expect(leasedDigests(test)).toEqual([]);
  });

  it("that changed since its manifest was made is refused, and a retry publishes it", async () => {
    await test.registry.draftRelease(head);
    await attach("x");
    // The time of the manifest is read when the files have been: what happens now comes between.
    const nowMs = test.clock.nowMs.bind(test.clock);
    test.clock.nowMs = () => {
      test.clock.nowMs = nowMs;
      sqlOn(test, "UPDATE package_file SET sha256 = ?", "0".repeat(64));
      return nowMs();
    };
    expect(await outcomeOf(test.registry.publishDraft("acme", ref))).toBe("package.changed");
    expect((await test.registry.getRelease("acme", ref)).status).toBe("draft");
    expect(leasedDigests(test)).toEqual([]);
    expect((await test.registry.publishDraft("acme", ref)).status).toBe("published");
  });

  it("that became a revoked or deleted release says which", async () => {
    await test.registry.draftRelease(head);
    await attach("x");
    const { release } = await test.registry.publishDraft("acme", ref, { channel: null });
    await test.registry.revokeRelease("acme", ref);
    const again = { release: release.id };
    expect(await outcomeOf(test.registry.publishDraft("acme", again))).toBe("release.revoked");
    await test.registry.updateApp("acme", { retention_keep: 2 });
    await test.registry.cleanupStore({ apply: true });
    expect(await outcomeOf(test.registry.publishDraft("acme", again))).toBe("release.not_published");
  });

  it("belongs to those who may name its channel", async () => {
    await test.registry.draftRelease({ ...head, channel: "stable" });
    await attach("x");
    const beta = test.as(["publish"], { channel: "beta" });
    expect(await outcomeOf(beta.publishDraft("acme", ref))).toBe("auth.wrong_channel");
    expect(await outcomeOf(beta.publishDraft("acme", ref, { channel: "beta" }))).toBe("auth.wrong_channel");
    const stable = test.as(["publish"], { channel: "stable" });
    expect(await outcomeOf(stable.publishDraft("acme", ref, { channel: "beta" }))).toBe("auth.wrong_channel");
    expect(await outcomeOf(stable.publishDraft("acme", ref))).toBe("ok");
  });
});

describe("an idle draft", () => {
  it("expires after 7 days without activity, and its version is free again", async () => {
    const draft = await test.registry.draftRelease(head);
    test.clock.advance(3 * DAY_MS);
    const { artifacts } = await attach("x");
    test.clock.advance(7 * DAY_MS - 1);
    expect(await deletedBy(test)).not.toContain(draft.id);
    test.clock.advance(1);
    expect(await deletedBy(test)).toEqual(expect.arrayContaining([draft.id, artifacts[0]!.sha256]));
    expect(await outcomeOf(attach("x"))).toBe("release.not_found");
    expect((await test.registry.listReleases("acme")).items).toEqual([]);
    const next = await test.registry.draftRelease(head);
    expect(next.id).not.toBe(draft.id);
    expect((await publishTar(test.registry, { version: "1", build: "7" })).status).toBe("published");
  });

  it("keeps its bytes while it is open, however long the lease is over", async () => {
    await test.registry.draftRelease(head);
    await attach("x");
    test.clock.advance(6 * DAY_MS);
    expect(await deletedBy(test)).toEqual([]);
    expect((await test.registry.publishDraft("acme", ref)).status).toBe("published");
  });

  it("that expired is nobody's business but a publisher's", async () => {
    const draft = await test.registry.draftRelease(head);
    const { artifacts } = await attach("x");
    await publishTar(test.registry, { app: "private", version: "1", text: "x" });
    await test.registry.updateApp("private", { visibility: "private" });
    test.clock.advance(7 * DAY_MS);
    await deletedBy(test);
    const reader = test.as(["read"], { app: "acme" });
    expect(await outcomeOf(reader.getRelease("acme", { release: draft.id }))).toBe("release.not_found");
    expect(await outcomeOf(textOf(reader, artifacts[0]!.sha256))).toBe("object.not_found");
  });
});

async function deletedBy({ registry }: TestStore): Promise<string[]> {
  return (await registry.cleanupStore({ apply: true })).deleted.map(({ id }) => id);
}
