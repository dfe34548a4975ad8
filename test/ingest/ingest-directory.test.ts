import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import {
  appendFile,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ingestDirectory, type IngestRequest } from "../../src/ingest/ingest-directory.ts";
import type { PackageFileRecord } from "../../src/registry/records/packages.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { writePilotRun } from "../support/pilot-run.ts";
import {
  eventsDuring,
  eventsOf,
  openTestStore,
  outcomeOf,
  sqlOn,
  type TestStore,
} from "../support/test-store.ts";

let test: TestStore;
let registry: Registry;
let root: string;
let run: string;
beforeEach(async () => {
  test = await openTestStore();
  ({ registry } = test);
  root = await mkdtemp(join(tmpdir(), "dist-ingest-"));
  run = join(root, "gb-run");
  await writePilotRun(run);
});
afterEach(async () => {
  await test.close();
  await rm(root, { recursive: true });
});

const ingest = (request: Partial<IngestRequest> = {}, into = registry) =>
  ingestDirectory(async () => into, { directory: run, profile: "guide-board", ...request });

async function filesOf(id: string): Promise<PackageFileRecord[]> {
  const files: PackageFileRecord[] = [];
  let after: string | null | undefined;
  while (after !== null) {
    const page = await registry.listPackageFiles(id, { limit: 1000, ...(after !== undefined && { after }) });
    files.push(...page.items);
    after = page.next;
  }
  return files;
}

async function pathsBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted();
}

/** The same registry, which counts the bytes that are given to it. */
function counting(inner: Registry): { registry: Registry; sent: string[] } {
  const sent: string[] = [];
  const note = async (sources: readonly { open(): AsyncIterable<Uint8Array> }[]) => {
    for (const source of sources) {
      const hasher = createHash("sha256");
      for await (const chunk of source.open()) hasher.update(chunk);
      sent.push(hasher.digest("hex"));
    }
  };
  return {
    sent,
    registry: {
      ...inner,
      uploadObject: async (source, options) => {
        await note([source]);
        return inner.uploadObject(source, options);
      },
      uploadObjects: async (sources, options) => {
        await note(sources);
        return inner.uploadObjects(sources, options);
      },
    },
  };
}

describe("a run that is ingested", () => {
  it("is one finalized package with every file, as it is", async () => {
    const result = await ingest({ retentionClass: "release-evidence", metadata: { ticket: "NL-7" } });
    expect(result).toMatchObject({
      status: "created",
      package: {
        kind: "guide-board-run",
        status: "finalized",
        producer: "guide-board",
        subject: "nemaki 3.0.1",
        retention_class: "release-evidence",
        metadata: {
          profile: "guide-board",
          run_id: "gb-2026-11-20-0741",
          target_profile: "nemaki 3.0.1",
          assessment_profile: "cmis-tck-full",
          evidence_result_counts: { passed: 87, failed: 3, errors: 1, skipped: 3, total: 94 },
          finding_counts: { high: 1, medium: 2, total: 3 },
          reports: { log_review: ["log-review.md"], scorecard: ["scorecard.json", "scorecard.md"] },
          ticket: "NL-7",
        },
      },
      skipped: [],
    });
    const paths = await pathsBelow(run);
    const files = await filesOf(result.package.id);
    expect(files.map(({ path }) => path)).toEqual(paths);
    expect(result.package.file_count).toBe(paths.length);
    for (const { path, sha256, size_bytes: size } of files) {
      const bytes = await readFile(join(run, path));
      expect([size, sha256]).toEqual([bytes.length, createHash("sha256").update(bytes).digest("hex")]);
      const opened = await registry.openPackageFile(result.package.id, path);
      expect(Buffer.concat(await Array.fromAsync(await opened.read()))).toEqual(bytes);
    }
    expect(files.find(({ path }) => path === "junit/TEST-cmis-query.xml")?.media_type).toMatch(/\/xml$/);
    const manifest = await registry.packageManifest(result.package.id);
    expect(result.manifest).toEqual({
      sha256: createHash("sha256").update(manifest).digest("hex"),
      size_bytes: manifest.length,
    });
  });

  it("is unchanged when it is ingested again, from wherever, and nothing is sent or recorded", async () => {
    const first = await ingest();
    const moved = join(root, "elsewhere", "again");
    await cp(run, moved, { recursive: true });
    const { registry: counted, sent } = counting(registry);
    const events = await eventsDuring(registry, async () => {
      const second = await ingest({ directory: moved }, counted);
      expect(second).toEqual({ ...first, status: "unchanged" });
    });
    expect([sent, events]).toEqual([[], []]);
  });

  it("is another package when a byte, its run id, producer or subject is another", async () => {
    const ids = new Set([(await ingest()).package.id]);
    for (const request of [{ producer: "ci" }, { subject: "x" }, { profile: null }]) {
      ids.add((await ingest(request)).package.id);
    }
    await appendFile(join(run, "raw/server.log"), "one more\n");
    ids.add((await ingest()).package.id);
    await rename(join(run, "raw/server.log"), join(run, "raw/server.txt"));
    ids.add((await ingest()).package.id);
    expect(ids.size).toBe(6);
  });

  it("shares the bytes that another package has already", async () => {
    await ingest();
    await writeFile(join(run, "raw/new"), "new");
    const { registry: counted, sent } = counting(registry);
    await ingest({}, counted);
    expect(sent).toEqual([createHash("sha256").update("new").digest("hex")]);
  });

  it("sends equal files once", async () => {
    for (let index = 0; index < 600; index += 1) await writeFile(join(run, `raw/empty-${index}`), "");
    const { registry: counted, sent } = counting(registry);
    const { package: record } = await ingest({}, counted);
    expect(new Set(sent).size).toBe(sent.length);
    expect(record.file_count).toBe((await pathsBelow(run)).length);
  });

  it("leaves links out and says so", async () => {
    await symlink("/etc/passwd", join(run, "raw/passwd"));
    const { skipped, summary, package: record } = await ingest();
    expect(skipped).toEqual([{ path: "raw/passwd", kind: "symlink" }]);
    expect([summary.skipped_count, summary.file_count]).toEqual([1, record.file_count]);
    expect((await filesOf(record.id)).some(({ path }) => path === "raw/passwd")).toBe(false);
  });

  it("may have large files beside small ones, and says how far it is", async () => {
    await writeFile(join(run, "raw/large.bin"), Buffer.alloc(5_000_000, "large"));
    const seen: { phase: string; done: number; total: number | null }[] = [];
    const { package: record } = await ingestDirectory(
      async () => registry,
      { directory: run, profile: "guide-board" },
      { onProgress: (progress) => seen.push(progress) },
    );
    for (const phase of ["scan", "hash", "send"]) {
      const of = seen.filter((progress) => progress.phase === phase);
      expect(of.map(({ done }) => done)).toEqual(of.map(({ done }) => done).toSorted((a, b) => a - b));
      expect(of.at(-1)).toMatchObject({ done: phase === "scan" ? record.file_count : record.size_bytes });
    }
    expect(seen.at(-1)!.total).toBe(record.size_bytes);
  });

  it("keeps what the run says of itself, whatever else is given", async () => {
    await expect(ingest({ metadata: { run_id: "other" } })).rejects.toMatchObject({
      code: "ingest.metadata_taken",
      details: { key: "run_id" },
    });
    expect((await ingest({ metadata: { run_id: "gb-2026-11-20-0741" } })).status).toBe("created");
  });

  it("is refused before anything is made of it, when it contradicts itself", async () => {
    await writeFile(join(run, "scorecard.json"), '{"run_id": "another"}');
    const events = await eventsDuring(registry, async () => {
      expect(await outcomeOf(ingest())).toBe("run.contradiction");
    });
    expect(events).toEqual([]);
  });
});

describe("a directory without a profile", () => {
  it("is a package of its files, under its name", async () => {
    const directory = join(root, "any thing");
    await cp(join(run, "raw"), directory, { recursive: true });
    const request = { directory, subject: "load test", metadata: { commit: "abc" } };
    const { package: record, summary } = await ingestDirectory(async () => registry, request);
    expect(record).toMatchObject({
      kind: "directory",
      producer: null,
      subject: "load test",
      metadata: { directory: "any thing", commit: "abc" },
    });
    expect(summary).toMatchObject({ profile: null, run_id: null, evidence_result_counts: null, reports: {} });
    expect((await ingestDirectory(async () => registry, request)).status).toBe("unchanged");
  });
});

describe("the same key", () => {
  it.each<[string, Partial<IngestRequest>]>([
    ["class", { retentionClass: "permanent-record" }],
    ["metadata", { metadata: { ticket: "NL-8" } }],
  ])("with another %s is refused", async (_, other) => {
    await ingest({ retentionClass: "release-evidence", metadata: { ticket: "NL-7" } });
    const again = { retentionClass: "release-evidence", metadata: { ticket: "NL-7" }, ...other };
    await expect(ingest(again)).rejects.toMatchObject({
      code: "transaction.integrity",
      details: { rule: "package.key_mismatch" },
    });
  });

  // A store's default may change; what was ingested under the old one is the same run still.
  it("without a class is the package that is there, of whatever class", async () => {
    const first = await ingest({ retentionClass: "summary-evidence" });
    expect(await ingest()).toEqual({ ...first, status: "unchanged" });
  });

  it("is free again when the package failed", async () => {
    const opened = await stopAfter(0);
    await registry.failPackage(opened, { reason: "given up" });
    const { status, package: record } = await ingest();
    expect(status).toBe("created");
    expect(record.id).not.toBe(opened);
  });
});

/** Ingests until some groups of files (or one more) are in the package, and stops there; answers the package. */
async function stopAfter(groups: number): Promise<string> {
  const stop = new AbortController();
  let package_id = "";
  let added = 0;
  const stopping: Registry = {
    ...registry,
    addPackageFiles: async (id, files, options) => {
      package_id = id;
      if (added >= groups) return stopped();
      const records = await registry.addPackageFiles(id, files, options);
      added += 1;
      return records;
    },
  };
  const stopped = () => {
    stop.abort(new Error("stopped"));
    throw stop.signal.reason;
  };
  const request = { directory: run, profile: "guide-board" } as const;
  await expect(ingestDirectory(async () => stopping, request, { signal: stop.signal })).rejects.toThrow(
    "stopped",
  );
  return package_id;
}

describe("an ingest that was stopped", () => {
  it("goes on where it was, and sends nothing a second time", async () => {
    await writePilotRun(run, { rawFiles: 1500 });
    const opened = await stopAfter(2);
    const before = await filesOf(opened);
    expect(before.length).toBeGreaterThanOrEqual(512);
    expect(before.length).toBeLessThan(1024);
    const stored = (await eventsOf(registry, { action: "object.stored" })).length;
    expect(stored).toBeGreaterThan(0);

    const { registry: counted, sent } = counting(registry);
    const { status, package: record } = await ingest({}, counted);
    expect([status, record.id, record.status]).toEqual(["created", opened, "finalized"]);
    // What the first had brought counts, in the package or not yet. The manifest is stored besides.
    const distinct = new Set((await filesOf(opened)).map(({ sha256 }) => sha256));
    expect(sent.length).toBe(distinct.size - stored);
    const all = await eventsOf(registry, { action: "object.stored" });
    expect(all.length).toBe(distinct.size + 1);
    expect((await filesOf(opened)).map(({ path }) => path)).toEqual(await pathsBelow(run));
  });

  it("stops at once when it is told to", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const request = { directory: run } as const;
    await expect(ingestDirectory(async () => registry, request, { signal })).rejects.toThrow("enough");
    expect((await registry.listPackages()).items).toEqual([]);
  });

  it("ingest.package_differs: somebody added another file to what it left", async () => {
    const opened = await stopAfter(0);
    const { sha256 } = await registry.uploadObject({ open: async function* () {} });
    await registry.addPackageFiles(opened, [{ path: "by-hand.txt", sha256 }]);
    await expect(ingest()).rejects.toMatchObject({
      code: "ingest.package_differs",
      details: { package: opened, path: "by-hand.txt" },
    });
  });

  it("ingest.package_differs: somebody finalized what it left", async () => {
    await writePilotRun(run, { rawFiles: 1000 });
    const opened = await stopAfter(1);
    await registry.finalizePackage(opened);
    await expect(ingest()).rejects.toMatchObject({
      code: "ingest.package_differs",
      details: { package: opened },
    });
  });
});

describe("two ingests of one run at once", () => {
  it("make one package", async () => {
    await writePilotRun(run, { rawFiles: 700 });
    const results = await Promise.all([ingest(), ingest(), ingest()]);
    expect(new Set(results.map(({ package: { id } }) => id)).size).toBe(1);
    expect(new Set(results.map(({ manifest }) => manifest.sha256)).size).toBe(1);
    expect((await registry.listPackages()).items.length).toBe(1);
    expect((await filesOf(results[0]!.package.id)).map(({ path }) => path)).toEqual(await pathsBelow(run));
    const finalized = await eventsOf(registry, { action: "package.finalized" });
    expect(finalized.length).toBe(1);
  });

  it("answers unchanged to the one that comes late", async () => {
    let faster: Awaited<ReturnType<typeof ingest>> | undefined;
    const late: Registry = {
      ...registry,
      addPackageFiles: async (...args) => {
        faster ??= await ingest();
        return registry.addPackageFiles(...args);
      },
    };
    const slower = await ingest({}, late);
    expect(slower).toEqual({ ...faster, status: "unchanged" });
  });

  it("finalizes anew what changed meanwhile", async () => {
    let calls = 0;
    const changing: Registry = {
      ...registry,
      finalizePackage: async (id) => {
        calls += 1;
        if (calls > 1) return registry.finalizePackage(id);
        const { sha256 } = await registry.uploadObject({ open: async function* () {} });
        const finalizing = registry.finalizePackage(id);
        await Promise.resolve();
        await registry.addPackageFiles(id, [{ path: "x", sha256 }]);
        await registry.removePackageFile(id, "x");
        return finalizing;
      },
    };
    const { package: record } = await ingest({}, changing);
    expect(record.file_count).toBe((await pathsBelow(run)).length);
    expect(calls).toBeGreaterThanOrEqual(1);
  });
});

describe("what changes meanwhile", () => {
  const changed = (path: string) => ({ code: "validation.source_changed", details: { path } });

  it.each<[string, string, (path: string) => Promise<void>]>([
    ["a small file's bytes", "raw/server.log", (path) => writeFile(path, "X".repeat(11_200))],
    ["a small file's length", "raw/server.log", (path) => truncate(path, 3)],
    ["a large file's bytes", "raw/large.bin", (path) => writeFile(path, Buffer.alloc(600_000, "b"))],
  ])("validation.source_changed: %s after it was hashed", async (_, name, change) => {
    await writeFile(join(run, "raw/large.bin"), Buffer.alloc(600_000, "a"));
    const late: Registry = {
      ...registry,
      createPackage: async (request) => {
        await change(join(run, name));
        return registry.createPackage(request);
      },
    };
    await expect(ingest({}, late)).rejects.toMatchObject({
      code: "validation.source_changed",
      details: { path: expect.stringContaining(name) },
    });
  });

  it("validation.source_changed: a document after it was read and before it was hashed", async () => {
    let isFirst = true;
    const request = { directory: run, profile: "guide-board" } as const;
    const onProgress = ({ phase }: { phase: string }) => {
      if (phase === "hash" && isFirst) writeFileSync(join(run, "run.json"), '{"run_id": "another"}');
      if (phase === "hash") isFirst = false;
    };
    await expect(ingestDirectory(async () => registry, request, { onProgress })).rejects.toMatchObject(
      changed("run.json"),
    );
  });

  it("validation.file_not_found: a file goes", async () => {
    const late: Registry = {
      ...registry,
      createPackage: async (request) => {
        await rm(join(run, "raw/server.log"));
        return registry.createPackage(request);
      },
    };
    expect(await outcomeOf(ingest({}, late))).toBe("validation.file_not_found");
  });

  it("sends bytes again that were collected before the package named them", async () => {
    let collected = 0;
    const collecting: Registry = {
      ...registry,
      addPackageFiles: async (...args) => {
        if (collected === 0) {
          sqlOn(test, "DELETE FROM lease");
          collected = (await registry.cleanupStore({ apply: true })).deleted.length;
        }
        return registry.addPackageFiles(...args);
      },
    };
    const { package: record } = await ingest({}, collecting);
    expect(collected).toBeGreaterThan(10);
    expect((await registry.verifyPackage(record.id)).ok).toBe(true);
  });
});

describe("limits", () => {
  it("blob.too_large: names the file", async () => {
    const small = await openTestStore({ settings: { maxUploadBytes: 300_000 } });
    try {
      await writeFile(join(run, "raw/large.bin"), Buffer.alloc(300_001));
      await expect(ingest({}, small.registry)).rejects.toMatchObject({
        code: "blob.too_large",
        details: { path: "raw/large.bin" },
      });
    } finally {
      await small.close();
    }
  });

  it("needs the scope to write packages", async () => {
    expect(await outcomeOf(ingest({}, test.as(["publish"])))).toBe("auth.missing_scope");
    expect((await ingest({}, test.as(["package.write"]))).status).toBe("created");
  });

  it("takes 5,000 files", async () => {
    await writePilotRun(run, { rawFiles: 5_000 });
    const { package: record } = await ingest();
    expect(record.file_count).toBe((await pathsBelow(run)).length);
    expect((await ingest()).status).toBe("unchanged");
  }, 300_000);
});

describe("the summary", () => {
  it("is the one that the guide for tracking systems shows", async () => {
    const { summary, package: record } = await ingest({ retentionClass: "release-evidence" });
    const guide = await readFile(new URL("../../docs/guide/statehub.md", import.meta.url), "utf8");
    const shown = JSON.parse(/```json\n([\s\S]*?)```/.exec(guide)![1]!) as typeof summary;
    // These come of when and where it was ingested.
    const { package_id, manifest_sha256, created_at, finalized_at } = shown;
    expect({ ...summary, package_id, manifest_sha256, created_at, finalized_at }).toEqual(shown);
    expect(Object.keys(summary)).toEqual(Object.keys(shown));
    expect(summary).toMatchObject({ package_id: record.id, manifest_sha256: record.manifest_sha256 });
    expect([package_id, manifest_sha256].map((text) => text.length)).toEqual([record.id.length, 64]);
  });
});
