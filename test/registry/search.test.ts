import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { SearchHit } from "../../src/registry/records/search.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { openTestStore, publishTar, sourceOf, type TestStore } from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const brief = ({ kind, name, app, status }: SearchHit) =>
  [kind, name, app, status].filter((part) => part !== null).join(" ");

async function found(query: string, registry: Registry = test.registry): Promise<string[]> {
  return (await registry.search(query)).hits.map(brief);
}

async function makePackage(subject: string, metadata: { [name: string]: string } = {}) {
  const { id } = await test.registry.createPackage({
    kind: "run",
    subject,
    metadata,
    retention_class: "transient",
  });
  const { sha256 } = await test.registry.uploadObject(sourceOf(Buffer.from(`of ${subject}`)));
  await test.registry.addPackageFiles(id, [{ path: "report.json", sha256 }]);
  const { manifest_sha256: manifest } = await test.registry.finalizePackage(id);
  return { id, sha256, manifest: manifest! };
}

describe("a search", () => {
  it("finds apps by any part of slug or name, the slug itself and its beginning first", async () => {
    await test.registry.createApp("map-notes", { display_name: "Notes on Maps" });
    await test.registry.createApp("notes", { display_name: "Field Notes" });
    await test.registry.createApp("notes-2", { display_name: "100 % Ä_b!" });
    expect(await found("notes")).toEqual([
      "app Field Notes notes",
      "app 100 % Ä_b! notes-2",
      "app Notes on Maps map-notes",
    ]);
    expect(await found("  FIELD n ")).toEqual(["app Field Notes notes"]);
    expect(await found((await test.registry.getApp("notes")).id)).toEqual(["app Field Notes notes"]);
    for (const exact of ["0 %", "Ä_B!", "_", "!"])
      expect(await found(exact)).toEqual(["app 100 % Ä_b! notes-2"]);
    for (const none of ["n_tes", "no%es", "'", "\\"]) expect(await found(none)).toEqual([]);
  });

  it("finds releases by version, latest first, by its beginning, by build and by id", async () => {
    for (const [app, version, build] of [
      ["one", "1.0", "7"],
      ["one", "1.0", "8"],
      ["two", "1.0", "7"],
      ["two", "1.0.1", "9"],
      ["two", "11", "1.0"],
    ] as const) {
      await publishTar(test.registry, { app, version, build });
      test.clock.advance(1000);
    }
    expect(await found("1.0")).toEqual([
      "release 1.0 7 two published",
      "release 1.0 8 one published",
      "release 1.0 7 one published",
      "release 11 1.0 two published",
      "release 1.0.1 9 two published",
    ]);
    expect(await found("7")).toEqual(["release 1.0 7 two published", "release 1.0 7 one published"]);
    await test.registry.revokeRelease("two", { release: "1.0.1" });
    const { id } = await test.registry.getRelease("two", { release: "1.0.1" });
    expect(await found(id)).toEqual(["release 1.0.1 9 two revoked"]);
  });

  it("finds artifacts and files by digest, or eight digits of it, and by id", async () => {
    const { release } = await publishTar(test.registry, { version: "1.0" });
    const [artifact] = (await test.registry.getRelease("acme", { release: release.version })).artifacts;
    const { id, sha256, manifest } = await makePackage("nemaki");
    const published = `artifact ${artifact!.filename} acme published`;
    for (const query of [
      artifact!.sha256,
      artifact!.sha256.slice(0, 8),
      `sha256:${artifact!.sha256}`,
      artifact!.id,
    ])
      expect(await found(query), query).toEqual([published]);
    expect(await found(artifact!.sha256.slice(0, 7))).toEqual([]);
    expect((await test.registry.search(sha256.slice(0, 12))).hits).toEqual([
      { kind: "file", id, name: "report.json", app: null, release_id: null, sha256, status: "finalized" },
    ]);
    expect(await found(manifest.slice(0, 12))).toEqual(["package nemaki finalized"]);
  });

  it("finds packages by subject, its beginning, run, id and hold, and tokens by name and id", async () => {
    const { id } = await makePackage("nemaki 3.0.1", { run_id: "run-2026-11" });
    await makePackage("nemaki 3.0.2");
    const hold = await test.registry.holdPackage(id, { reason: "dispute" });
    expect(await found("nemaki 3")).toEqual([
      "package nemaki 3.0.1 finalized",
      "package nemaki 3.0.2 finalized",
    ]);
    for (const query of [id, hold.id, "run-2026-11", "nemaki 3.0.1"])
      expect(await found(query), query).toEqual(["package nemaki 3.0.1 finalized"]);
    const token = await test.registry.createToken({ name: "ci-one", scopes: ["read"], expires_in: "1h" });
    expect(await found("ci-")).toEqual(["token ci-one active"]);
    test.clock.advance(2 * 3_600_000);
    expect(await found(token.id)).toEqual(["token ci-one expired"]);
    await test.registry.revokeToken(token.id);
    expect(await found("ci-one")).toEqual(["token ci-one revoked"]);
  });

  it("shows twenty of a kind, and says of which there are more", async () => {
    for (let n = 0; n < 21; n += 1) await test.registry.createApp(`app-${n}`, {});
    const { hits, more } = await test.registry.search("app");
    expect([hits.length, more]).toEqual([20, ["app"]]);
    expect((await test.registry.search("app-1")).more).toEqual([]);
  });

  it("refuses nothing, and more than a name can be", async () => {
    for (const query of ["", "  ", "x".repeat(201), "\ud800"])
      await expect(test.registry.search(query)).rejects.toMatchObject({ code: "search.invalid_query" });
    expect(await found("x".repeat(200))).toEqual([]);
    for (const odd of ["\0", "a\0b", "\u{10FFFF}", "\u202e", "${x}", "?", "$1"])
      expect(await found(odd), JSON.stringify(odd)).toEqual([]);
  });
});

describe("a search shows", () => {
  it("of releases, packages and tokens what the caller may see", async () => {
    await publishTar(test.registry, { app: "acme", version: "1.0" });
    await publishTar(test.registry, { app: "other", version: "1.0" });
    await test.registry.draftRelease({ app: "acme", version: "1.0-draft" });
    const draft = await test.registry.getRelease("acme", { release: "1.0-draft" });
    await makePackage("1.0 of evidence");
    await test.registry.createToken({ name: "1.0-token", scopes: ["read"], app: "acme" });
    const releases = ["release 1.0 other published", "release 1.0 acme published"];
    expect((await found("1.0", test.as(["read"]))).toSorted()).toEqual(releases.toSorted());
    expect(await found("1.0", test.as(["read"], { app: "acme" }))).toEqual(["release 1.0 acme published"]);
    expect(await found("1.0", test.as(["read"], { app: "not-yet" }))).toEqual([]);
    expect(await found("1.0", test.as(["package.read"]))).toEqual(["package 1.0 of evidence finalized"]);
    expect(await found("1.0", test.as(["package.read"], { app: "acme" }))).toEqual([]);
    expect(await found("1.0", test.as(["token"]))).toEqual(["token 1.0-token acme active"]);
    expect(await found("1.0", test.as(["token"], { app: "other" }))).toEqual([]);
    expect(await found("1.0", test.as(["audit"]))).toEqual([]);
    expect(await found(draft.id, test.as(["read"]))).toEqual([]);
    expect(await found(draft.id, test.as(["publish"]))).toEqual(["release 1.0-draft acme draft"]);
  });
});
