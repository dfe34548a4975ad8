import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { PackageFileRequest, PackageRecord, PackageRequest } from "../../registry/records/packages.ts";
import type { Registry } from "../../registry/registry.ts";
import { runCli } from "../testing/run-cli.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-ingest-"));
  await mkdir(join(directory, "run"));
  await writeFile(join(directory, "run/run.json"), '{"run_id": "gb-7", "findings": {"high": 2}}');
  await writeFile(join(directory, "run/scorecard.md"), "B");
});
afterEach(() => rm(directory, { recursive: true }));

/** A registry that keeps nothing; what it was asked to keep. */
function recorder() {
  let request: PackageRequest | undefined;
  const files: PackageFileRequest[] = [];
  const record = (status: PackageRecord["status"]): PackageRecord => ({
    id: "pkg_01",
    kind: request!.kind,
    status,
    app: null,
    producer: request!.producer ?? null,
    subject: request!.subject ?? null,
    metadata: request!.metadata ?? {},
    retention_class: request!.retention_class ?? "raw-evidence",
    retrieval_tier: "hot",
    manifest_sha256: status === "finalized" ? "ab".repeat(32) : null,
    manifest_size_bytes: status === "finalized" ? 512 : null,
    file_count: files.length,
    size_bytes: 44,
    key: request!.key ?? null,
    created_at: "2026-11-20T15:00:00.000Z",
    finalized_at: status === "finalized" ? "2026-11-20T15:00:01.000Z" : null,
    failed_at: null,
    fail_reason: null,
    deleted_at: null,
  });
  const registry: Partial<Registry> = {
    retentionClasses: async () => ({ items: [], next: null }),
    createPackage: async (asked) => {
      request = asked;
      return { ...record("created"), created: true };
    },
    uploadObject: async (source, { expected, onProgress } = {}) => {
      for await (const chunk of source.open()) onProgress?.(chunk.length);
      const { sha256, size } = expected!;
      return { sha256: sha256!, blake3: "", size_bytes: size!, existed: false, lease_expires_at: "" };
    },
    addPackageFiles: async (_, added) => {
      files.push(...added);
      return [];
    },
    finalizePackage: async () => record("finalized"),
  };
  return { registry, files, request: () => request };
}

describe.each([
  [["package", "ingest", "run", "--profile", "guide-board"]],
  [["ingest", "guide-board", "run"]],
])("%j", (command) => {
  it("asks for what the command line and the run say, and makes a missing store", async () => {
    const { registry, files, request } = recorder();
    const flags = ["--retention-class", "release-evidence", "--metadata", "ticket=NL-7", "--json"];
    let create: boolean | undefined;
    const onOpen = (options: { create: boolean }) => (create = options.create);
    const run = await runCli([...command, ...flags], { registry, directory, onOpen });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(create).toBe(true);
    expect(request()).toMatchObject({
      kind: "guide-board-run",
      producer: "guide-board",
      subject: null,
      retention_class: "release-evidence",
      metadata: { profile: "guide-board", run_id: "gb-7", ticket: "NL-7" },
    });
    expect(files.map(({ path }) => path)).toEqual(["run.json", "scorecard.md"]);
    expect(run.json).toMatchObject({
      status: "created",
      package: { id: "pkg_01", status: "finalized" },
      manifest: { sha256: "ab".repeat(32), size_bytes: 512 },
      summary: { package_id: "pkg_01", run_id: "gb-7", finding_counts: { high: 2, total: 2 } },
      skipped: [],
    });
  });

  it("tells people what came of it, and what was left out", async () => {
    await symlink("/etc/passwd", join(directory, "run/pass\u001bwd"));
    const run = await runCli([...command, "--producer", "ci", "--subject", "nemaki"], {
      registry: recorder().registry,
      directory,
    });
    expect(run.code).toBe(0);
    for (const text of [
      "pkg_01",
      "created and finalized",
      "ci",
      "nemaki",
      "2 files",
      "gb-7",
      "2 high",
      "scorecard.md",
    ]) {
      expect(run.stdout).toContain(text);
    }
    expect(run.stderr).toContain("1 special file left out: pass\\x1bwd (symlink).");
  });
});

describe("package ingest", () => {
  it("takes any directory without a profile", async () => {
    const { registry, request } = recorder();
    expect((await runCli(["package", "ingest", "run"], { registry, directory })).code).toBe(0);
    expect(request()).toMatchObject({ kind: "directory", metadata: { directory: "run" } });
  });

  // Opening a registry makes a store that is missing.
  it("ingest.not_a_directory: exit 1, and no registry is opened", async () => {
    let isOpened = false;
    const onOpen = () => (isOpened = true);
    const run = await runCli(["package", "ingest", "gone", "--json"], { directory, onOpen });
    expect([run.code, run.json.error.code, isOpened]).toEqual([1, "ingest.not_a_directory", false]);
  });

  it("usage.invalid_value: a profile that there is not", async () => {
    const run = await runCli(["package", "ingest", "run", "--profile", "board", "--json"], { directory });
    expect([run.code, run.json.error.code]).toEqual([2, "usage.invalid_value"]);
  });

  it("usage.conflicting_options: one key given twice", async () => {
    const flags = ["--metadata", "a=1", "--metadata", "a=2", "--json"];
    const run = await runCli(["package", "ingest", "run", ...flags], { directory });
    expect([run.code, run.json.error.code]).toEqual([2, "usage.conflicting_options"]);
  });

  it("stops on a signal with exit 130", async () => {
    const stop = new AbortController();
    const { registry } = recorder();
    const run = await runCli(["package", "ingest", "run"], {
      directory,
      signal: stop.signal,
      registry: {
        ...registry,
        createPackage: async () => Promise.reject(stop.abort("interrupted") as never),
      },
    });
    expect(run.code).toBe(130);
  });
});
