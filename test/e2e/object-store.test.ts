import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { S3Settings } from "../../src/blob/s3/s3-settings.ts";
import { dist, type ProgramRun } from "../faults/program.ts";
import { plainS3, rgwTools, s3Variables, testS3Settings } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";

let directory: string;
let store: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-s3-"));
  store = join(directory, "store");
});
afterEach(() => rm(directory, { recursive: true }));

/** Preloaded: what it says happens before the program begins. */
const preload = (script: string): readonly string[] => [
  "--import",
  `data:text/javascript,${encodeURIComponent(script)}`,
];

/** A program that fails as soon as it loads anything of the SDK, which stands in a file of its own. */
const withoutSdk = preload(`
  import { registerHooks } from "node:module";
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      // As built, its modules are parts of other files, each below a comment that names it.
      if (String(loaded.source).includes("node_modules/@aws-sdk/")) throw new Error("loaded @aws-sdk in " + url);
      return loaded;
    },
  });
`);
const anHourAhead = preload("const now = Date.now; Date.now = () => now() + 3600000;");

describe("a program that needs no object store", () => {
  const elsewhere = {
    DIST_STORAGE_KIND: "s3",
    DIST_STORAGE_ENDPOINT: "http://127.0.0.1:9",
    DIST_STORAGE_BUCKET: "dist",
    DIST_STORAGE_ACCESS_KEY_ID: "dist",
    DIST_STORAGE_SECRET_ACCESS_KEY: "dist-secret",
  };

  // The SDK is twenty times what help is.
  it("loads nothing of it", async () => {
    const created = ["app", "create", "--app", "acme", "--local-store", store, "--json"];
    const listed = ["app", "list", "--local-store", store, "--json"];
    for (const args of [["--help"], created, listed])
      expect(await dist(args, { nodeOptions: withoutSdk })).toMatchObject({ code: 0, stderr: "" });
    expect(await dist(listed, { nodeOptions: withoutSdk, env: elsewhere })).toMatchObject({ code: 0 });
    // The hook does see it: readiness asks the object store.
    const status = ["store", "status", "--local-store", store];
    const seen = await dist(status, { nodeOptions: withoutSdk, env: elsewhere });
    expect(seen.stdout + seen.stderr).toContain("aws-sdk");
  });
});

needs(...rgwTools)("a server whose object store is set up wrongly", () => {
  let right: Record<string, string>;
  let settings: S3Settings;
  beforeEach(async () => {
    settings = await testS3Settings();
    right = s3Variables(settings);
  });

  /** Starts a server that must not start, or lets it be checked. */
  async function refused(
    mode: readonly string[],
    env: Record<string, string>,
    nodeOptions: readonly string[] = [],
  ): Promise<ProgramRun> {
    const args = ["server", "run", "--local-store", store, "--port", "0", "--json", ...mode];
    const run = await dist(args, { env: { ...right, ...env }, nodeOptions });
    expect(run.stdout + run.stderr).not.toMatch(/5ecret|dist-secret/);
    expect(run.stdout).not.toContain("listening");
    if (mode.length > 0) expect([run.json.ok, existsSync(store)]).toEqual([false, false]);
    return run;
  }

  describe.each([
    ["when it starts", []],
    ["when it is checked", ["--check"]],
  ])("%s", (_when, mode) => {
    it.each([
      ["its bucket is missing", { DIST_STORAGE_BUCKET: "not-there" }, "blob.bucket_missing"],
      ["nobody knows its user", { DIST_STORAGE_ACCESS_KEY_ID: "nobody" }, "blob.access_denied"],
    ])("says that %s, and ends with 3", async (_what, env, code) => {
      const run = await refused(mode, env);
      expect([run.code, run.json.error.code]).toEqual([3, code]);
    });

    it("takes the secret from a file, and says that it is wrong", async () => {
      const file = join(directory, "secret");
      await writeFile(file, "5ecret\n");
      const env = { DIST_STORAGE_SECRET_ACCESS_KEY: "", DIST_STORAGE_SECRET_ACCESS_KEY_FILE: file };
      const run = await refused(mode, env);
      expect([run.code, run.json.error.code]).toEqual([3, "blob.access_denied"]);
    });

    it("says that the clock is off", async () => {
      const run = await refused(mode, {}, anHourAhead);
      expect([run.code, run.json.error.code]).toEqual([3, "blob.clock_skewed"]);
    });

    it("says that its bucket locks nothing, and ends with 1", async () => {
      const run = await refused(mode, { DIST_STORAGE_OBJECT_LOCK: "true" });
      expect([run.code, run.json.error.code]).toEqual([1, "blob.no_object_lock"]);
    });

    it.each([
      ["is missing", undefined, "cannot be read"],
      ["holds no certificate", "nothing", "holds no certificates"],
    ])("says that its file of authorities %s, and ends with 1", async (_what, text, message) => {
      const file = join(directory, "ca.pem");
      if (text !== undefined) await writeFile(file, text);
      const run = await refused(mode, { DIST_STORAGE_CA_FILE: file });
      expect([run.code, run.json.error.code]).toEqual([1, "blob.ca_unreadable"]);
      expect(run.json.error.message).toContain(message);
    });

    it("is told what is missing before anything is asked", async () => {
      const run = await refused(mode, { DIST_STORAGE_BUCKET: "", DIST_STORAGE_DOWNLOADS: "maybe" });
      expect([run.code, run.json.error.code]).toEqual([1, "config.invalid"]);
      expect(run.json.error.details.problems.map(({ key }: { key: string }) => key)).toEqual([
        "DIST_STORAGE_DOWNLOADS",
        "storage.bucket",
      ]);
    });
  });

  // A server that starts waits for it; a check that passed over it would prove nothing.
  it("is told by a check that the object store does not answer", async () => {
    const run = await refused(["--check"], { DIST_STORAGE_ENDPOINT: "http://127.0.0.1:9" });
    expect([run.code, run.json.error.code]).toEqual([3, "blob.write_failed"]);
  });

  it("is told by a check that all is well, and nothing is left of it", async () => {
    const args = ["server", "run", "--local-store", store, "--json", "--check"];
    const run = await dist(args, { env: right });
    expect([run.code, run.json.ok, run.json.exists]).toEqual([0, true, false]);
    expect(run.json.checks.map((check: Check) => [check.name, check.status])).toEqual(
      ["settings", "public_url", "listen", "directory", "database", "storage"].map((name) => [name, "ok"]),
    );
    expect(existsSync(store)).toBe(false);
    const s3 = plainS3(settings);
    const left = await s3.listObjectsV2({ Bucket: settings.bucket, Prefix: settings.prefix });
    s3.destroy();
    expect(left.Contents ?? []).toEqual([]);
  });
});

interface Check {
  readonly name: string;
  readonly status: string;
}
