import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { dist, type ProgramRun } from "../faults/program.ts";
import { rgwTools, testS3Settings } from "../support/object-store.ts";
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
      if (url.includes("aws-sdk")) throw new Error("loaded " + url);
      return next(url, context);
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
  /** Starts a server that must not start. */
  async function refused(
    env: Record<string, string>,
    nodeOptions: readonly string[] = [],
  ): Promise<ProgramRun> {
    const settings = await testS3Settings();
    const right = {
      DIST_STORAGE_KIND: "s3",
      DIST_STORAGE_ENDPOINT: settings.endpoint!,
      DIST_STORAGE_BUCKET: settings.bucket,
      DIST_STORAGE_PREFIX: settings.prefix,
      DIST_STORAGE_ACCESS_KEY_ID: settings.accessKeyId,
      DIST_STORAGE_SECRET_ACCESS_KEY: settings.secretAccessKey.reveal(),
    };
    const args = ["server", "run", "--local-store", store, "--port", "0", "--json"];
    const run = await dist(args, { env: { ...right, ...env }, nodeOptions });
    expect(run.stdout + run.stderr).not.toMatch(/5ecret|dist-secret/);
    expect(run.stdout).not.toContain("listening");
    return run;
  }

  it.each([
    ["its bucket is missing", { DIST_STORAGE_BUCKET: "not-there" }, "blob.bucket_missing"],
    ["nobody knows its user", { DIST_STORAGE_ACCESS_KEY_ID: "nobody" }, "blob.access_denied"],
  ])("says that %s, and ends with 3", async (_what, env, code) => {
    const run = await refused(env);
    expect([run.code, run.json.error.code]).toEqual([3, code]);
  });

  it("takes the secret from a file, and says that it is wrong", async () => {
    const file = join(directory, "secret");
    await writeFile(file, "5ecret\n");
    const env = { DIST_STORAGE_SECRET_ACCESS_KEY: "", DIST_STORAGE_SECRET_ACCESS_KEY_FILE: file };
    const run = await refused(env);
    expect([run.code, run.json.error.code]).toEqual([3, "blob.access_denied"]);
  });

  it("says that the clock is off", async () => {
    const run = await refused({}, anHourAhead);
    expect([run.code, run.json.error.code]).toEqual([3, "blob.clock_skewed"]);
  });

  it("is told what is missing before anything is asked", async () => {
    const run = await refused({ DIST_STORAGE_BUCKET: "", DIST_STORAGE_DOWNLOADS: "maybe" });
    expect([run.code, run.json.error.code]).toEqual([1, "config.invalid"]);
    expect(run.json.error.details.problems.map(({ key }: { key: string }) => key)).toEqual([
      "DIST_STORAGE_DOWNLOADS",
      "storage.bucket",
    ]);
  });
});
