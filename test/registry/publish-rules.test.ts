import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { arches } from "../../src/inspect/inspection.ts";
import type { JsonObject } from "../../src/log/events.ts";
import type { ArtifactRequest, ReleaseHead } from "../../src/registry/records/releases.ts";
import {
  eventsDuring,
  openTestStore,
  outcomeOf,
  sourceOf,
  sqlOn,
  tarArtifact,
  tarGzBytes,
  type TestStore,
  textOf,
  uploadTar,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

/** How a publication with this head ends. */
async function publishing(changes: Partial<ReleaseHead>, artifact: Partial<ArtifactRequest> = {}) {
  const sha256 = await uploadTar(test.registry, "x");
  const artifacts = [tarArtifact(sha256, artifact)];
  return outcomeOf(test.registry.publish({ app: "acme", version: "1", ...changes, artifacts }));
}

const long = (length: number) => "a".repeat(length);
/** What no name may hold, whatever else it allows. */
const hostile = [
  "",
  " ",
  ".",
  "..",
  "../a",
  "a/b",
  "a\\b",
  "a\0",
  "a\n",
  "\u202ea",
  "é",
  "ａ",
  "\ud800",
  "a b",
];

describe("names", () => {
  it.each([
    ["a slug", "app", "app.invalid_slug", ["A", "-a", "a-", "a.b", "a_b", "a+b", long(64)]],
    ["a channel", "channel", "channel.invalid_name", ["A", "-a", ".a", "_a", "a+b", "a~b", long(64)]],
    ["a version", "version", "release.invalid_version", ["-1", ".1", "+1", "~1", "1_0", "v 1", long(65)]],
    ["a build", "build", "release.invalid_build", ["-1", ".1", "+1", "~1", "1_0", long(65)]],
  ] as const)("of %s are refused by rule", async (_, key, code, refused) => {
    // No build is the empty text.
    const values = [...hostile, ...refused].filter((value) => key !== "build" || value !== "");
    const outcomes = [];
    for (const value of values) outcomes.push([value, await publishing({ [key]: value })]);
    expect(outcomes).toEqual(values.map((value) => [value, code]));
  });

  it.each([
    ["app", ["a", "0", "a-b", "a--b", long(63)]],
    ["channel", ["a", "0", "a.b_c-d", "a.", "stable", long(63)]],
    ["version", ["0", "V1", "1.0.0-rc.1+b~2", "1.", long(64)]],
    ["build", ["", "0", "1042", "B.1", long(64)]],
  ] as const)("of %s are taken by rule", async (key, taken) => {
    const outcomes = [];
    for (const [index, value] of taken.entries())
      outcomes.push([value, await publishing({ version: `${index}`, [key]: value })]);
    expect(outcomes).toEqual(taken.map((value) => [value, "ok"]));
  });

  it("of files are one path segment without control characters", async () => {
    const refused = [
      "",
      ".",
      "..",
      "/etc/passwd.tar.gz",
      "../a.tar.gz",
      "a/b.tar.gz",
      "a\\b.tar.gz",
      "a\0.tar.gz",
      "a\n.tar.gz",
      "a\u0085.tar.gz",
      "\ud800.tar.gz",
      `${"é".repeat(125)}.tar.gz`,
    ];
    const outcomes = [];
    for (const filename of refused) outcomes.push([filename, await publishing({}, { filename })]);
    expect(outcomes).toEqual(refused.map((filename) => [filename, "release.invalid_filename"]));
  });

  it("of files are kept in NFC, up to 255 bytes", async () => {
    const sha256 = await uploadTar(test.registry, "x");
    const filename = `cafe\u0301 ${long(242)}.tar.gz`;
    const { artifacts } = await test.registry.publish({
      app: "acme",
      version: "1",
      artifacts: [tarArtifact(sha256, { filename })],
    });
    expect(artifacts[0]!.filename).toBe(`caf\u00e9 ${long(242)}.tar.gz`);
    expect(Buffer.byteLength(artifacts[0]!.filename)).toBe(255);
  });
});

describe("notes", () => {
  it("up to 16 KiB stand in the record; beyond, under their digest", async () => {
    await publishing({ notes: "é".repeat(8 * 1024) });
    await publishing({ notes: `${"é".repeat(8 * 1024)}a`, version: "2" });
    const short = await test.registry.getRelease("acme", { release: "1" });
    const longer = await test.registry.getRelease("acme", { release: "2" });
    expect([short.notes?.length, short.notes_sha256]).toEqual([8 * 1024, null]);
    expect([longer.notes, longer.notes_sha256]).toEqual([null, expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });

  it("under their digest can be read by whoever may read the release, and outlive a cleanup", async () => {
    await publishing({ notes: long(20_000) });
    const { notes_sha256: sha256 } = await test.registry.getRelease("acme", { release: "1" });
    test.clock.advance(48 * 3600 * 1000);
    await test.registry.cleanupStore({ apply: true });
    expect(sqlOn(test, "SELECT status FROM storage_location WHERE sha256 = ?", sha256)).toHaveLength(1);
    expect(await textOf(test.anonymous(), sha256!)).toHaveLength(20_000);
  });

  it.each([
    ["of exactly 64 KiB", long(64 * 1024), "ok"],
    ["of a byte more", long(64 * 1024 + 1), "release.invalid_notes"],
    ["of more bytes than characters", "é".repeat(32 * 1024 + 1), "release.invalid_notes"],
    ["with a lone surrogate", "a\udc00", "release.invalid_notes"],
  ])("%s", async (_, notes, outcome) => {
    expect(await publishing({ notes })).toBe(outcome);
  });

  it("that are empty are no notes", async () => {
    await publishing({ notes: "" });
    expect((await test.registry.getRelease("acme", { release: "1" })).notes).toBeNull();
  });
});

describe("metadata", () => {
  /** Metadata of this many bytes as JSON. */
  const ofBytes = (bytes: number): JsonObject => ({ a: long(bytes - '{"a":""}'.length) });
  const nested = (levels: number) =>
    JSON.parse(`{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`) as JsonObject;
  /** In the encoding each number takes nine bytes, more than twice what it takes as JSON. */
  const numbers: JsonObject = { a: Array.from({ length: 4094 }, () => 0.1) };

  it.each([
    ["of exactly 16 KiB", ofBytes(16 * 1024), "ok"],
    ["of a byte more", ofBytes(16 * 1024 + 1), "release.invalid_metadata"],
    ["that grows when it is encoded", numbers, "ok"],
    ["with a lone surrogate", { a: "\ud800" }, "encoding.unsupported_value"],
    ["with an integer beyond 2^53 - 1", { a: 2 ** 53 }, "encoding.unsupported_value"],
    ["that is not finite", { a: Number.NaN }, "encoding.unsupported_value"],
    ["that is nested without end", nested(5000), "encoding.unsupported_value"],
    ["with the version", { version: "2" }, "release.invalid_metadata"],
  ] as const)("of a release %s", async (_, metadata, outcome) => {
    expect(await publishing({ metadata })).toBe(outcome);
    expect((await test.registry.listApps()).items).toHaveLength(outcome === "ok" ? 1 : 0);
  });

  it.each([
    ["of exactly 16 KiB", ofBytes(16 * 1024), "ok"],
    ["of a byte more", ofBytes(16 * 1024 + 1), "release.invalid_metadata"],
    ["that grows when it is encoded", numbers, "ok"],
    ["with a lone surrogate", { a: "\ud800" }, "encoding.unsupported_value"],
  ] as const)("of an artifact %s", async (_, metadata, outcome) => {
    expect(await publishing({}, { metadata })).toBe(outcome);
    expect((await test.registry.listApps()).items).toHaveLength(outcome === "ok" ? 1 : 0);
  });

  it("keeps a key called __proto__ through the log and a rebuild", async () => {
    const metadata = JSON.parse('{"__proto__":{"admin":true}}') as JsonObject;
    expect(await publishing({}, { metadata })).toBe("ok");
    const kept = async () =>
      (await test.registry.getRelease("acme", { release: "1" })).artifacts[0]!.metadata;
    expect(JSON.stringify(await kept())).toContain('"__proto__":{"admin":true}');
    expect((await test.registry.rebuildStore()).problems).toEqual([]);
  });
});

describe("a release's artifacts", () => {
  it("are at least one and at most 64", async () => {
    const [first] = await everyPlace();
    const publish = (artifacts: readonly ArtifactRequest[]) =>
      outcomeOf(test.registry.publish({ app: "acme", version: "1", artifacts }));
    expect(await publish([])).toBe("release.empty");
    expect(await publish(Array.from({ length: 65 }, () => first!))).toBe("release.too_many_artifacts");
    expect((await test.registry.listApps()).items).toEqual([]);
  });

  it("may be 64 with the longest names: their one list of files is still one event", async () => {
    const artifacts = (await everyPlace()).slice(0, 64);
    const events = await eventsDuring(test.registry, () =>
      test.registry.publish({ app: "acme", version: "1", artifacts }),
    );
    const [files, ...more] = events.filter(({ action }) => action === "package.file_added");
    expect([(files!.metadata["files"] as unknown[]).length, more]).toEqual([64, []]);
    expect(events.filter(({ action }) => action === "artifact.validated")).toHaveLength(64);
  });

  it("stand in one place each", async () => {
    const sha256 = await uploadTar(test.registry, "x");
    const other = await uploadTar(test.registry, "y");
    const publish = (second: Partial<ArtifactRequest>) =>
      test.registry.publish({
        app: "acme",
        version: "1",
        artifacts: [tarArtifact(sha256), tarArtifact(other, second)],
      });
    await expect(publish({ filename: "other.tar.gz" })).rejects.toMatchObject({
      code: "release.duplicate_artifact",
      details: { platform: "linux", arch: "universal", format: "tar" },
    });
  });

  it("do not differ in case alone", async () => {
    const sha256 = await uploadTar(test.registry, "x");
    const zip = await test.registry.uploadObject(sourceOf(Buffer.from([0x50, 0x4b, 3, 4])));
    const artifacts = [
      tarArtifact(sha256, { filename: "ÉCRAN.tar.gz", format: "tar" }),
      { platform: "linux", filename: "e\u0301cran.TAR.GZ", sha256: zip.sha256, format: "zip" } as const,
    ];
    await expect(test.registry.publish({ app: "acme", version: "1", artifacts })).rejects.toMatchObject({
      code: "package.duplicate_path",
      kind: "conflict",
    });
  });

  /** An artifact in each of 66 places, with names of 255 bytes. */
  async function everyPlace(): Promise<ArtifactRequest[]> {
    const kinds = [
      ["504b0304", "zip", ["linux", "windows", "macos"]],
      ["504b0304", "apk", ["android_apk"]],
      ["504b0304", "aab", ["android_aab"]],
      ["504b0304", "ipa", ["ios"]],
      ["504b0304", "msix", ["windows"]],
      [Buffer.from(tarGzBytes("x")).toString("hex"), "tgz", ["linux", "macos"]],
      ["78617221", "pkg", ["macos"]],
      ["d0cf11e0a1b11ae1", "msi", ["windows"]],
    ] as const;
    const artifacts: ArtifactRequest[] = [];
    for (const [hex, extension, platforms] of kinds) {
      const { sha256 } = await test.registry.uploadObject(sourceOf(Buffer.from(hex, "hex")));
      const filename = `${long(254 - extension.length)}.${extension}`;
      for (const platform of platforms)
        for (const arch of arches) artifacts.push({ platform, arch, filename, sha256 });
    }
    return artifacts;
  }
});
