import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { AppChanges } from "../../src/registry/records/apps.ts";
import {
  actionsOf,
  eventsDuring,
  openTestStore,
  outcomeOf,
  publishTar,
  type TestStore,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const defaults = {
  display_name: "acme",
  owner: null,
  visibility: "unlisted",
  allowed_platforms: ["ios", "android_apk", "android_aab", "macos", "linux", "windows"],
  bundle_ids: {},
  ios_mode: "artifact_only",
  testflight_url: null,
  identity_constraints: {},
  retention_keep: 0,
  retention_class: null,
};
const link = "https://testflight.apple.com/join/AbCdEf12";
const pin = "ab".repeat(32);

describe("an app", () => {
  it("has the documented fields and defaults, created by hand or by a publication", async () => {
    const app = await test.registry.createApp("acme", {});
    expect(app).toStrictEqual({
      id: expect.stringMatching(/^app_/),
      slug: "acme",
      signer_pinning: "first_use",
      ...defaults,
      created_at: "2026-11-20T15:00:00.000Z",
      updated_at: "2026-11-20T15:00:00.000Z",
    });
    await publishTar(test.registry, { app: "other", version: "1" });
    expect(await test.registry.getApp("other")).toMatchObject({ ...defaults, display_name: "other" });
  });

  it("made by a publication takes the publication's name, later ones do not change it", async () => {
    const head = { app: "acme", version: "1" };
    await test.registry.draftRelease({ ...head, display_name: "Acme" });
    await test.registry.draftRelease({ ...head, version: "2", display_name: "Else" });
    expect((await test.registry.getApp("acme")).display_name).toBe("Acme");
  });

  it("takes its visibility from the store's settings", async () => {
    const store = await openTestStore({ settings: { defaultVisibility: "private" } });
    expect((await store.registry.createApp("acme", {})).visibility).toBe("private");
    await store.close();
  });

  it("has a slug of its own", async () => {
    await test.registry.createApp("acme", {});
    await expect(test.registry.createApp("acme", { owner: "me" })).rejects.toMatchObject({
      code: "transaction.integrity",
      kind: "conflict",
      details: { rule: "app.slug_taken", app: "acme" },
    });
    expect(await outcomeOf(test.registry.createApp("Acme", {}))).toBe("app.invalid_slug");
    expect(await outcomeOf(test.registry.updateApp("other", {}))).toBe("app.not_found");
    expect(await outcomeOf(test.registry.getApp("\0"))).toBe("app.not_found");
  });
});

describe("settings", () => {
  it.each<[AppChanges, object]>([
    [{ display_name: " Acme " }, { display_name: "Acme" }],
    [{ owner: "Team Ä" }, { owner: "Team Ä" }],
    [{ visibility: "public" }, { visibility: "public" }],
    [{ allowed_platforms: ["linux", "ios", "linux"] }, { allowed_platforms: ["ios", "linux"] }],
    [{ bundle_ids: { ios: "com.example.acme" } }, { bundle_ids: { ios: "com.example.acme" } }],
    [{ testflight_url: link }, { testflight_url: link }],
    [{ retention_keep: 2 }, { retention_keep: 2 }],
    [{ retention_class: "transient" }, { retention_class: "transient" }],
  ])("%j", async (changes, after) => {
    const app = await test.registry.createApp("acme", changes);
    expect(app).toMatchObject({ ...defaults, ...after });
  });

  it.each<[AppChanges]>([
    [{ display_name: "" }],
    [{ display_name: "x".repeat(101) }],
    [{ display_name: "a\u0007b" }],
    [{ display_name: "\ud800" }],
    [{ owner: "" }],
    [{ visibility: "secret" }],
    [{ visibility: "Public" }],
    [{ allowed_platforms: [] }],
    [{ allowed_platforms: ["beos"] }],
    [{ bundle_ids: { ios: "" } }],
    [{ bundle_ids: { ios: "com.example.<a>" } }],
    [{ bundle_ids: { ios: "com..a" } }],
    [{ bundle_ids: { ios: "a".repeat(256) } }],
    [{ bundle_ids: { beos: "com.example" } }],
    [{ ios_mode: "store" }],
    [{ testflight_url: "http://testflight.apple.com/join/a" }],
    [{ testflight_url: "https://testflight.apple.com.evil.example/join/a" }],
    [{ testflight_url: "https://evil.example/?testflight.apple.com" }],
    [{ testflight_url: "javascript:alert(1)" }],
    [{ testflight_url: "x" }],
    [{ testflight_url: `${link}${"a".repeat(500)}` }],
    [{ testflight_url: "https://user:password@testflight.apple.com/join/a" }],
    [{ testflight_url: "https://testflight.apple.com:8443/join/a" }],
    [{ retention_keep: 1 }],
    [{ retention_keep: -1 }],
    [{ retention_keep: 2.5 }],
    [{ retention_keep: 1e9 }],
    [{ retention_class: "forever" }],
    [{ pin: { beos: [pin] } }],
    [{ pin: { beos: [] } }],
    [{ pin: { android_apk: ["not a digest"] } }],
    [{ pin: { macos: [""] } }],
    [{ pin: { macos: Array.from({ length: 33 }, (_, index) => `${index}`) } }],
    [{ unpin: ["beos"] }],
  ])("refuse %j", async (changes) => {
    expect(await outcomeOf(test.registry.createApp("acme", changes))).toBe("app.invalid_setting");
    expect((await test.registry.listApps()).items).toEqual([]);
  });

  it("keep the rest: an update records only what changed, and nothing when nothing does", async () => {
    await test.registry.createApp("acme", { owner: "me", bundle_ids: { ios: "a.b", macos: "a.c" } });
    test.clock.advance(1000);
    const events = await eventsDuring(test.registry, async () => {
      const changes: AppChanges = { display_name: "Acme", owner: "me", bundle_ids: { macos: null } };
      const after = await test.registry.updateApp("acme", changes);
      expect(after).toMatchObject({
        ...defaults,
        display_name: "Acme",
        owner: "me",
        bundle_ids: { ios: "a.b" },
        created_at: "2026-11-20T15:00:00.000Z",
        updated_at: "2026-11-20T15:00:01.000Z",
      });
      await test.registry.updateApp("acme", changes);
      await test.registry.updateApp("acme", {});
      await test.registry.updateApp("acme", { owner: null });
    });
    expect(actionsOf(events)).toEqual(["app.updated", "app.updated"]);
    expect(events.map(({ metadata }) => metadata["changes"])).toEqual([
      { display_name: "Acme", bundle_ids: { ios: "a.b" } },
      { owner: null },
    ]);
  });
});

describe("the iOS mode", () => {
  it("testflight needs the link, in whatever order they come", async () => {
    const mode = { ios_mode: "testflight" };
    expect(await outcomeOf(test.registry.createApp("acme", mode))).toBe("app.testflight_url_required");
    await test.registry.createApp("acme", { ...mode, testflight_url: link });
    expect(await outcomeOf(test.registry.updateApp("acme", { testflight_url: null }))).toBe(
      "app.testflight_url_required",
    );
    await test.registry.updateApp("acme", { ios_mode: "artifact_only", testflight_url: null });
    await test.registry.updateApp("acme", { testflight_url: link });
    expect((await test.registry.updateApp("acme", mode)).ios_mode).toBe("testflight");
  });

  it("enterprise needs the iOS bundle id, and not another platform's", async () => {
    const mode = { ios_mode: "enterprise" };
    for (const changes of [mode, { ...mode, bundle_ids: { macos: "com.example" } }])
      expect(await outcomeOf(test.registry.createApp("acme", changes))).toBe("app.bundle_id_required");
    await test.registry.createApp("acme", { ...mode, bundle_ids: { ios: "com.example" } });
    expect(await outcomeOf(test.registry.updateApp("acme", { bundle_ids: { ios: null } }))).toBe(
      "app.bundle_id_required",
    );
    expect((await test.registry.getApp("acme")).bundle_ids).toEqual({ ios: "com.example" });
  });
});

describe("pins", () => {
  const pinsAfter = async (changes: AppChanges) =>
    (await test.registry.updateApp("acme", changes)).identity_constraints;

  it("add up, are normal in form, go by platform, and every change is an event with the whole set", async () => {
    await test.registry.createApp("acme", { pin: { macos: ["TEAM123456"] } });
    const events = await eventsDuring(test.registry, async () => {
      const colons = pin.toUpperCase().replaceAll(/(..)(?=.)/g, "$1:");
      expect(await pinsAfter({ pin: { android_apk: [colons, pin] } })).toEqual({
        macos: ["TEAM123456"],
        android_apk: [pin],
      });
      expect(await pinsAfter({ pin: { macos: ["TEAM999999"] }, reason: "second team" })).toEqual({
        macos: ["TEAM123456", "TEAM999999"],
        android_apk: [pin],
      });
      expect(await pinsAfter({ unpin: ["macos"], reason: "no Mac any more" })).toEqual({
        android_apk: [pin],
      });
    });
    expect(actionsOf(events)).toEqual(Array(3).fill("app.identity_changed"));
    expect(events.at(-1)!.metadata["pins"]).toEqual({ android_apk: [pin] });
    expect(events.map(({ metadata }) => metadata["reason"])).toEqual([
      null,
      "second team",
      "no Mac any more",
    ]);
  });

  it("that are relied on are changed with a reason only; a first one needs none", async () => {
    await test.registry.createApp("acme", { pin: { macos: ["TEAM123456"] } });
    for (const change of [
      { pin: { macos: ["TEAM999999"] } },
      { unpin: ["macos"] },
      { unpin: ["macos"], reason: " " },
    ]) {
      await expect(pinsAfter(change)).rejects.toMatchObject({
        code: "app.reason_required",
        details: { platform: "macos", pinned: ["TEAM123456"] },
      });
    }
    expect(await pinsAfter({ pin: { ios: ["TEAM123456"] } })).toMatchObject({ ios: ["TEAM123456"] });
  });

  it("may be a long name of a certificate, but not endless", async () => {
    const name = `CN=${"Acme ".repeat(100)}Ltd | CN=Root`;
    await test.registry.createApp("acme", { pin: { windows: [name] } });
    await expect(
      test.registry.createApp("other", { pin: { windows: ["x".repeat(1_001)] } }),
    ).rejects.toMatchObject({
      code: "app.invalid_setting",
    });
  });

  it("that do not change are no event: repeated, empty, replaced by themselves, or never there", async () => {
    await test.registry.createApp("acme", { pin: { macos: ["TEAM123456"], android_apk: [pin] } });
    const before = await test.registry.getApp("acme");
    const events = await eventsDuring(test.registry, async () => {
      await pinsAfter({ pin: { macos: ["TEAM123456"] } });
      await pinsAfter({ pin: { linux: [] } });
      await pinsAfter({ unpin: ["android_apk"], pin: { android_apk: [pin] } });
      await pinsAfter({ unpin: ["macos"], pin: { macos: ["TEAM123456"] } });
      await pinsAfter({ unpin: ["windows"] });
    });
    expect(events).toEqual([]);
    expect(await test.registry.getApp("acme")).toEqual(before);
  });

  it("survive a rebuild of the views", async () => {
    await test.registry.createApp("acme", { pin: { windows: ["CN=Acme"], ios: ["TEAM123456"] } });
    expect((await test.registry.rebuildStore()).problems).toEqual([]);
    expect((await test.registry.getApp("acme")).identity_constraints).toEqual({
      ios: ["TEAM123456"],
      windows: ["CN=Acme"],
    });
  });

  it("that nothing checks yet say so in the artifact's findings", async () => {
    await test.registry.createApp("acme", { pin: { linux: ["key"] } });
    const { artifacts } = await publishTar(test.registry, { version: "1" });
    expect(artifacts[0]!.findings).toMatchObject([{ code: "validation.signer_unread", severity: "warning" }]);
  });
});
