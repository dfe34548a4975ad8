import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { PackageRequest } from "../../src/registry/records/packages.ts";
import {
  actionsOf,
  bytesOf,
  eventsDuring,
  leasedDigests,
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  type TestStore,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(async () => {
  await test.close();
});

const upload = async (text: string) => (await test.registry.uploadObject(sourceOf(Buffer.from(text)))).sha256;
const create = (changes: Partial<PackageRequest> = {}) =>
  test.registry.createPackage({ kind: "run", ...changes });
/** A package with these files: path → text. */
const packageOf = async (files: Readonly<Record<string, string>>, changes: Partial<PackageRequest> = {}) => {
  const { id } = await create(changes);
  await test.registry.addPackageFiles(
    id,
    await Promise.all(
      Object.entries(files).map(async ([path, text]) => ({ path, sha256: await upload(text) })),
    ),
  );
  return id;
};
const pathsOf = async (id: string) =>
  (await test.registry.listPackageFiles(id)).items.map(({ path }) => path);

describe("a package", () => {
  it("goes from created over uploading to finalized, with its class's period from the start", async () => {
    const made = await create({ producer: "board", subject: "acme", metadata: { run: "7", ok: true } });
    expect(made).toMatchObject({
      created: true,
      kind: "run",
      status: "created",
      app: null,
      producer: "board",
      subject: "acme",
      metadata: { run: "7", ok: true },
      retention_class: "raw-evidence",
      retrieval_tier: "hot",
      manifest_sha256: null,
      file_count: 0,
      size_bytes: 0,
      created_at: "2026-11-20T15:00:00.000Z",
    });
    expect(await test.registry.getRetention(made.id)).toMatchObject({
      retention_class: "raw-evidence",
      current_expires_at: "2027-05-19T15:00:00.000Z",
      eligible_for_deletion: false,
    });
    const [file] = await test.registry.addPackageFiles(made.id, [
      { path: "report/a.json", sha256: await upload("{}") },
    ]);
    expect(file).toMatchObject({ path: "report/a.json", size_bytes: 2, media_type: "application/json" });
    expect(await test.registry.getPackage(made.id)).toMatchObject({
      status: "uploading",
      file_count: 1,
      size_bytes: 2,
    });
    const finalized = await test.registry.finalizePackage(made.id);
    expect(finalized).toMatchObject({ status: "finalized", finalized_at: "2026-11-20T15:00:00.000Z" });
    expect(await test.registry.finalizePackage(made.id)).toEqual(finalized);
    expect(leasedDigests(test)).toEqual([]);
  });

  it("records one event for each step", async () => {
    let id = "";
    const events = await eventsDuring(test.registry, async () => {
      id = await packageOf({ "a.txt": "a", "b.txt": "b" });
      await test.registry.addPackageFiles(id, [{ path: "a.txt", sha256: await upload("c") }], {
        replace: true,
      });
      await test.registry.removePackageFile(id, "b.txt");
      await test.registry.finalizePackage(id);
    });
    expect(actionsOf(events).filter((action) => action !== "object.stored")).toEqual([
      "package.created",
      "retention.default_applied",
      "package.file_added",
      "package.file_replaced",
      "package.file_removed",
      "package.finalized",
    ]);
    expect(await pathsOf(id)).toEqual(["a.txt"]);
    expect(await test.registry.rebuildStore()).toMatchObject({ ok: true });
    expect(await test.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
  });

  it("reads back what was put in, also by digest, and not for others", async () => {
    const id = await packageOf({ "über/ä b.txt": "hello" });
    const object = await test.registry.openPackageFile(id, "über/ä b.txt");
    expect(object).toMatchObject({ filename: "ä b.txt", content_type: "text/plain", is_public: false });
    expect(await bytesOf(test.registry, object.sha256)).toEqual(Buffer.from("hello"));
    expect(await bytesOf(test.as(["package.read"]), object.sha256)).toEqual(Buffer.from("hello"));
    for (const other of [test.anonymous(), test.as(["read"]), test.as(["admin"], { app: "acme" })])
      expect(await outcomeOf(other.openObject(object.sha256))).toBe("object.not_found");
  });

  it("is answered again for the same key, and only for the same", async () => {
    const first = await create({ key: "run:7", metadata: { a: 1, b: [1, 2] } });
    const again = await create({ key: "run:7", metadata: { b: [1, 2], a: 1 } });
    expect(again).toMatchObject({ id: first.id, created: false });
    for (const changes of [
      { retention_class: "transient" },
      { metadata: { a: 2 } },
      { producer: "x", metadata: { a: 1, b: [1, 2] } },
    ])
      expect(await outcomeOf(create({ key: "run:7", ...changes }))).toBe("transaction.integrity");
    await test.registry.failPackage(first.id, { reason: "The run broke off." });
    expect(await create({ key: "run:7" })).toMatchObject({ created: true });
  });

  it("fails with a reason, and is closed then", async () => {
    const id = await packageOf({ a: "a" });
    expect(await outcomeOf(test.registry.failPackage(id, { reason: " " }))).toBe("retention.reason_required");
    const failed = await test.registry.failPackage(id, { reason: "The run broke off." });
    expect(failed).toMatchObject({
      status: "failed",
      fail_reason: "The run broke off.",
      failed_at: "2026-11-20T15:00:00.000Z",
    });
    for (const refused of [
      () => test.registry.finalizePackage(id),
      () => test.registry.failPackage(id, { reason: "Again." }),
      () => test.registry.removePackageFile(id, "a"),
      () => test.registry.addPackageFiles(id, [{ path: "b", sha256: "0".repeat(64) }]),
    ])
      expect(await outcomeOf(refused())).toBe("package.not_open");
  });

  it("that is empty is not finalized", async () => {
    const { id } = await create();
    expect(await outcomeOf(test.registry.finalizePackage(id))).toBe("package.empty");
  });

  it("finalized takes no file and gives none up", async () => {
    const id = await packageOf({ a: "a" });
    await test.registry.finalizePackage(id);
    const sha256 = await upload("b");
    for (const refused of [
      () => test.registry.addPackageFiles(id, [{ path: "b", sha256 }]),
      () => test.registry.addPackageFiles(id, [{ path: "a", sha256 }], { replace: true }),
      () => test.registry.removePackageFile(id, "a"),
      () => test.registry.failPackage(id, { reason: "No." }),
    ])
      expect(await outcomeOf(refused())).toBe("package.not_open");
  });
});

describe("a path", () => {
  it.each([
    "",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/../b",
    "./a",
    "a/.",
    "a\\b",
    "a\0b",
    "a\nb",
    "x".repeat(256),
    `${"x/".repeat(512)}x`,
    "\ud800",
  ])("is refused: %j", async (path) => {
    const { id } = await create();
    const sha256 = await upload("a");
    expect(await outcomeOf(test.registry.addPackageFiles(id, [{ path, sha256 }]))).toBe(
      "package.invalid_path",
    );
    expect(await pathsOf(id)).toEqual([]);
  });

  it.each([
    ["the same with other bytes", "a.txt", "package.duplicate_path"],
    ["other capitals", "A.txt", "package.duplicate_path"],
    ["a directory where a file is", "a.txt/b", "package.duplicate_path"],
    ["a directory where a file is, in other capitals", "A.TXT/b", "package.duplicate_path"],
    ["a file where a directory is", "dir", "package.duplicate_path"],
    ["a file where a directory is, above", "Dir/Sub", "package.duplicate_path"],
    ["beside them", "dir/sub/d", "ok"],
    ["a name that begins like a directory", "dir.txt", "ok"],
    ["a name that begins like a directory, behind its slash", "dir0", "ok"],
  ])("meets %s", async (_, path, outcome) => {
    const id = await packageOf({ "a.txt": "a", "dir/sub/c": "c" });
    const sha256 = await upload("other");
    expect(await outcomeOf(test.registry.addPackageFiles(id, [{ path, sha256 }]))).toBe(outcome);
    if (outcome !== "ok" && path !== "a.txt")
      expect(await outcomeOf(test.registry.addPackageFiles(id, [{ path, sha256 }], { replace: true }))).toBe(
        outcome,
      );
  });

  it("stands once in one request as well", async () => {
    const { id } = await create();
    const [a, b] = [await upload("a"), await upload("b")];
    for (const files of [
      [
        ["x", a],
        ["x", b],
      ],
      [
        ["x", a],
        ["X", a],
      ],
      [
        ["x", a],
        ["x/y", b],
      ],
    ] as const) {
      const request = files.map(([path, sha256]) => ({ path, sha256: sha256! }));
      expect(await outcomeOf(test.registry.addPackageFiles(id, request))).toBe("package.duplicate_path");
    }
    expect(await pathsOf(id)).toEqual([]);
  });

  it("is one in both Unicode forms", async () => {
    const id = await packageOf({ "e\u0301.txt": "a" });
    expect(await pathsOf(id)).toEqual(["\u00e9.txt"]);
    expect(await test.registry.openPackageFile(id, "e\u0301.txt")).toMatchObject({ size_bytes: 1 });
  });

  it("with the same bytes again changes nothing, and with others replaces only when told to", async () => {
    const id = await packageOf({ a: "1" });
    const again = await eventsDuring(test.registry, async () => {
      const sha256 = await upload("1");
      await test.registry.addPackageFiles(id, [{ path: "a", sha256 }]);
    });
    expect(actionsOf(again)).toEqual([]);
    const sha256 = await upload("22");
    expect(await outcomeOf(test.registry.addPackageFiles(id, [{ path: "a", sha256 }]))).toBe(
      "package.duplicate_path",
    );
    await test.registry.addPackageFiles(id, [{ path: "a", sha256 }], { replace: true });
    expect(await test.registry.getPackage(id)).toMatchObject({ file_count: 1, size_bytes: 2 });
  });
});

describe("what a package is made of", () => {
  it.each([
    [{ kind: "release" }, "package.invalid_kind"],
    [{ kind: "" }, "package.invalid_kind"],
    [{ producer: "x".repeat(257) }, "package.invalid_field"],
    [{ subject: "a\nb" }, "package.invalid_field"],
    [{ retention_class: "eternal" }, "retention.unknown_class"],
    [{ metadata: { a: "x".repeat(17_000) } }, "package.invalid_metadata"],
    [
      { metadata: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`k${index}`, index])) },
      "package.invalid_metadata",
    ],
    [{ metadata: { ["k".repeat(129)]: 1 } }, "package.invalid_metadata"],
    [{ key: "a b" }, "package.invalid_key"],
  ] as const)("is refused: %#", async (changes, code) => {
    const events = await eventsDuring(test.registry, async () =>
      expect(await outcomeOf(create(changes))).toBe(code),
    );
    expect(events).toEqual([]);
  });

  it("needs bytes that are here and known", async () => {
    const { id } = await create();
    const sha256 = await upload("mine");
    const other = test.as(["package.write"], { name: "other" });
    expect(await outcomeOf(other.addPackageFiles(id, [{ path: "a", sha256 }]))).toBe("object.missing");
    expect(await outcomeOf(test.registry.addPackageFiles(id, [{ path: "a", sha256: "0".repeat(64) }]))).toBe(
      "object.missing",
    );
  });

  it("is at most 1,000 files a request", async () => {
    const { id } = await create();
    const sha256 = await upload("a");
    const files = Array.from({ length: 1001 }, (_, index) => ({ path: `${index}`, sha256 }));
    expect(await outcomeOf(test.registry.addPackageFiles(id, files))).toBe("package.too_many_files");
    expect(await test.registry.addPackageFiles(id, files.slice(1))).toHaveLength(1000);
    expect(await test.registry.getPackage(id)).toMatchObject({ file_count: 1000, size_bytes: 1000 });
  });

  it("may have the longest paths there are: events hold them", async () => {
    const { id } = await create();
    const sha256 = await upload("a");
    const long = (index: number) => `${index}/${`${"y".repeat(200)}/`.repeat(5)}`.slice(0, 1000) + "z";
    const files = Array.from({ length: 300 }, (_, index) => ({ path: long(index), sha256 }));
    expect(await test.registry.addPackageFiles(id, files)).toHaveLength(300);
    await test.registry.finalizePackage(id);
    expect(await test.registry.verifyPackage(id)).toMatchObject({ ok: true, checked: { files: 300 } });
  });
});

describe("a release's package", () => {
  it("is read here by those who may read its app, and changed by nobody", async () => {
    const { release } = await publishTar(test.registry, { version: "1" });
    const id = release.package_id;
    expect(await test.as(["package.read", "read"]).getPackage(id)).toMatchObject({
      kind: "release",
      app: "acme",
      status: "finalized",
    });
    for (const reader of [test.as(["package.read"]), test.as(["package.read", "read"], { app: "other" })])
      expect(await outcomeOf(reader.getPackage(id))).toBe("package.not_found");
    expect((await test.as(["package.read"]).listPackages()).items).toEqual([]);
    expect((await test.registry.listPackages({ kind: "release" })).items).toHaveLength(1);
    for (const refused of [
      () => test.registry.addPackageFiles(id, []),
      () => test.registry.finalizePackage(id),
      () => test.registry.failPackage(id, { reason: "No." }),
    ])
      expect(await outcomeOf(refused())).toBe("package.not_open");
    const { items } = await test.registry.listPackageFiles(id);
    expect(items).toMatchObject([{ path: "linux/universal/acme.tar.gz" }]);
    expect(await test.registry.openPackageFile(id, items[0]!.path)).toMatchObject({
      filename: "acme.tar.gz",
    });
  });

  it("that is a draft is seen by those who may publish", async () => {
    const { package_id: id } = await test.registry.draftRelease({ app: "acme", version: "1" });
    expect(await outcomeOf(test.as(["package.read", "read"]).getPackage(id))).toBe("package.not_found");
    expect(await test.registry.getPackage(id)).toMatchObject({ status: "created" });
  });
});

describe("access", () => {
  it.each([
    ["nobody", [], "auth.missing_scope"],
    ["a reader of apps", ["read"], "auth.missing_scope"],
    ["a reader of packages", ["package.read"], "auth.missing_scope"],
    ["a keeper", ["retention"], "auth.missing_scope"],
    ["a writer", ["package.write"], "ok"],
    ["an administrator", ["admin"], "ok"],
  ] as const)("to writing: %s", async (_, scopes, outcome) => {
    expect(await outcomeOf(test.as(scopes).createPackage({ kind: "run" }))).toBe(outcome);
  });

  it("is not for those limited to an app or a channel", async () => {
    const limited = test.as(["package.write"], { app: "acme" });
    expect(await outcomeOf(limited.createPackage({ kind: "run" }))).toBe("auth.wrong_app");
    const onChannel = test.as(["package.write"], { channel: "beta" });
    expect(await outcomeOf(onChannel.createPackage({ kind: "run" }))).toBe("auth.wrong_channel");
    expect(await outcomeOf(test.anonymous().listPackages())).toBe("auth.missing_token");
    expect(await outcomeOf(test.registry.getPackage("pkg_none"))).toBe("package.not_found");
  });
});

describe("the list", () => {
  it("is filtered by every field and paged, newest first", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      test.clock.advance(1000);
      const made = await create({
        producer: index % 2 === 0 ? "even" : "odd",
        subject: `s${index}`,
        metadata: { number: index, text: `t${index % 2}`, nested: { deep: 1 } },
        ...(index === 4 ? { retention_class: "transient", kind: "last" } : {}),
      });
      ids.unshift(made.id);
    }
    const list = async (filter: Parameters<typeof test.registry.listPackages>[0]) =>
      (await test.registry.listPackages(filter)).items.map(({ id }) => ids.indexOf(id));
    expect(await list({})).toEqual([0, 1, 2, 3, 4]);
    expect(await list({ producer: "odd" })).toEqual([1, 3]);
    expect(await list({ subject: "s4" })).toEqual([0]);
    expect(await list({ kind: "last" })).toEqual([0]);
    expect(await list({ retention_class: "transient" })).toEqual([0]);
    expect(await list({ status: "finalized" })).toEqual([]);
    expect(await list({ metadata: { text: "t0" } })).toEqual([0, 2, 4]);
    expect(await list({ metadata: { text: "t0", number: "2" } })).toEqual([2]);
    expect(await list({ metadata: { nested: "1" } })).toEqual([]);
    expect(await list({ since: "2026-11-20T15:00:04Z" })).toEqual([0, 1]);
    expect(await list({ until: "2026-11-20T15:00:02Z" })).toEqual([4]);
    for (const filter of [{}, { metadata: { text: "t0" } }]) {
      const seen: string[] = [];
      let after: string | null = "";
      while (after !== null) {
        const page: { items: readonly { id: string }[]; next: string | null } =
          await test.registry.listPackages({ ...filter, limit: 2, ...(after === "" ? {} : { after }) });
        seen.push(...page.items.map(({ id }) => id));
        after = page.next;
      }
      expect(seen.map((id) => ids.indexOf(id))).toEqual(await list(filter));
    }
    expect(await outcomeOf(test.registry.listPackages({ status: "lost" }))).toBe("package.invalid_filter");
  });

  it("finds by long values and by values that are no text", async () => {
    const long = "x".repeat(2_000);
    const { id } = await create({ metadata: { long, nul: "a\0b", none: null, yes: true } });
    for (const metadata of [{ long }, { nul: "a\0b" }, { none: "null" }, { yes: "true" }])
      expect((await test.registry.listPackages({ metadata })).items.map((item) => item.id)).toEqual([id]);
  });
});
