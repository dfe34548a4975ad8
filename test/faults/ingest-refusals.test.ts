import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { writePilotRun } from "../support/pilot-run.ts";
import { needs } from "../support/required-tools.ts";
import { dist } from "./program.ts";
import { expectError } from "./stores.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "dist-ingest-"));
  await writePilotRun(join(root, "run"));
});
afterEach(() => rm(root, { recursive: true }));

/** Ingests the run while system calls on one path of it fail. */
async function ingestUnder(path: string, call: string, errno: string) {
  const trace = ["-o", "/dev/null", "-P", join(root, "run", path), "-e", `trace=${call}`];
  const inject = ["-e", `inject=${call}:error=${errno}`];
  const args = ["package", "ingest", join(root, "run"), "--local-store", join(root, "store"), "--json"];
  return dist(args, { under: ["strace", "-f", ...trace, ...inject] });
}

needs("strace")("what cannot be read of a directory", () => {
  it.each([
    ["raw/exchanges", "openat", "EACCES"],
    ["raw/exchanges", "getdents64", "EIO"],
  ])("ingest.directory_unreadable: %s, %s fails with %s; no store is made", async (path, call, errno) => {
    const run = await ingestUnder(path, call, errno);
    expectError(run, "ingest.directory_unreadable", 1);
    expect(run.json.error.details.path).toContain(path);
    expect(existsSync(join(root, "store"))).toBe(false);
  });

  it("validation.file_unreadable: a file; no package is made", async () => {
    const run = await ingestUnder("raw/server.log", "pread64", "EIO");
    expectError(run, "validation.file_unreadable", 1);
    expect(run.json.error.details.path).toContain("raw/server.log");
    const listed = await dist(["audit", "list", "--local-store", join(root, "store"), "--json"]);
    expect(listed.json.items).toEqual([]);
  });
});
