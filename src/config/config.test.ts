import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { DistError } from "../base/errors.ts";
import { environmentVariables, readEnvironment } from "./environment.ts";
import { type ConfigProblem, loadConfig } from "./load-config.ts";
import { configurationReference } from "./reference.ts";
import { Secret } from "../base/secret.ts";
import { settingKeys, variableOf } from "./settings.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-config-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("loadConfig", () => {
  it("gives the defaults of the contract without a file, even without a directory", async () => {
    const { store } = await loadConfig({ directory: join(directory, "missing"), env: {} });
    expect(store).toEqual({
      database: { engine: "sqlite", file: "dist.db" },
      defaultVisibility: "unlisted",
      expireAfterMs: 24 * 3600 * 1000,
      maxUploadBytes: 16 * 1024 ** 3,
      retentionClasses: {
        transient: { count: 7, unit: "d" },
        "raw-evidence": { count: 180, unit: "d" },
        "summary-evidence": { count: 3, unit: "y" },
        "release-evidence": { count: 7, unit: "y" },
        "permanent-record": null,
      },
      defaultRetentionClass: "raw-evidence",
      sweepIntervalMs: 3600 * 1000,
      lockAheadMs: null,
    });
  });

  it("lets the environment beat dist.toml, and dist.toml the defaults", async () => {
    await toml(
      'default_visibility = "private"\n[uploads]\nexpire_after = "1h"\n[retention.classes]\ntransient = "2s"\n',
    );
    const { store } = await loadConfig({ directory, env: { DIST_UPLOADS_EXPIRE_AFTER: "30m" } });
    expect(store.defaultVisibility).toBe("private");
    expect(store.expireAfterMs).toBe(30 * 60 * 1000);
    expect(store.retentionClasses["transient"]).toEqual({ count: 2, unit: "s" });
  });

  it("lets the command line beat the environment", async () => {
    await toml("[server]\nworkers = 2\n");
    const env = { DIST_SERVER_WORKERS: "3" };
    expect((await loadConfig({ directory, env: {} })).server.workers).toBe(2);
    expect((await loadConfig({ directory, env })).server.workers).toBe(3);
    expect((await loadConfig({ directory, env, flags: { "server.workers": 4 } })).server.workers).toBe(4);
  });

  it("counts empty variables as absent and leaves DIST_TEST_* alone", async () => {
    const env = {
      DIST_DEFAULT_VISIBILITY: "",
      DIST_TEST_RUN: "7",
      DIST_STORE: "x",
      PATH: "/bin",
      DIST_TOKEN_FILE: "f",
    };
    expect((await loadConfig({ directory, env })).store.defaultVisibility).toBe("unlisted");
  });

  it("reads a secret setting from a file, too, but not from both places", async () => {
    const file = join(directory, "url");
    await writeFile(file, "postgres://dist:pass@db/dist\n");
    const { store } = await loadConfig({ directory, env: { DIST_DATABASE_URL_FILE: file } });
    expect(store.database).toMatchObject({ engine: "postgres", host: "db", user: "dist" });
    expect(await problems({ DIST_DATABASE_URL_FILE: file, DIST_DATABASE_URL: "sqlite:x" })).toMatchObject([
      { key: "DIST_DATABASE_URL_FILE", source: "environment", message: expect.stringContaining("exclude") },
    ]);
    expect(await problems({ DIST_DATABASE_URL_FILE: join(directory, "missing") })).toMatchObject([
      { key: "DIST_DATABASE_URL_FILE", message: expect.stringContaining("ENOENT") },
    ]);
    await writeFile(file, "x".repeat(65 * 1024));
    expect(await problems({ DIST_DATABASE_URL_FILE: file })).toMatchObject([
      { message: expect.stringContaining("larger") },
    ]);
  });

  // What is refused may be a URL with a typing error and a password in it.
  it("never repeats the value of a secret setting", async () => {
    const env = { DIST_DATABASE_URL: "postgres://dist:hunter2@db/dist?sslmode=prefer" };
    expect(JSON.stringify(await problems(env))).not.toContain("hunter2");
  });

  it("reports every problem of all sources at once", async () => {
    await toml(
      'default_visiblity = "private"\n[server]\nmax_upload_bytes = "many"\n[retention.classes]\nforever = "1y"\n',
    );
    const env = { DIST_UPLOADS_EXPIRE_AFTER: "1y", DIST_UPLOAD_EXPIRE_AFTER: "1h" };
    expect(await problems(env)).toEqual([
      {
        key: "default_visiblity",
        source: "dist.toml",
        message: "The key default_visiblity is unknown; did you mean default_visibility?",
      },
      {
        key: "server.max_upload_bytes",
        source: "dist.toml",
        message: "server.max_upload_bytes must be a number of bytes, at least 1.",
      },
      expect.objectContaining({ key: "retention.classes.forever", source: "dist.toml" }),
      expect.objectContaining({ key: "DIST_UPLOADS_EXPIRE_AFTER", source: "environment" }),
      {
        key: "DIST_UPLOAD_EXPIRE_AFTER",
        source: "environment",
        message: "The variable DIST_UPLOAD_EXPIRE_AFTER is unknown; did you mean DIST_UPLOADS_EXPIRE_AFTER?",
      },
    ]);
  });

  it.each([
    ["a table where a value stands", "[default_visibility]\nwho = 1\n", "default_visibility"],
    ["a value where a table stands", "uploads = 3\n", "uploads"],
    ["a list", 'default_visibility = ["public"]\n', "default_visibility"],
    ["a number for a duration", "[uploads]\nexpire_after = 24\n", "uploads.expire_after"],
    ["a negative size", "[server]\nmax_upload_bytes = -1\n", "server.max_upload_bytes"],
    ["no worker at all", "[server]\nworkers = 0\n", "server.workers"],
    ["more workers than any machine wants", "[server]\nworkers = 65\n", "server.workers"],
    ["a date", "[retention.classes]\ntransient = 2026-01-01\n", "retention.classes.transient"],
    ["a name from the prototype", "constructor = 1\n", "constructor"],
  ])("refuses %s", async (_what, text, key) => {
    await toml(text);
    expect(await problems({})).toMatchObject([{ key, source: "dist.toml" }]);
  });

  it("reads where bytes are kept, with the secret hidden", async () => {
    await toml(
      '[storage]\nkind = "s3"\nendpoint = "https://s3.example"\nbucket = "releases"\nprefix = "dist/"\n' +
        'path_style = false\naccess_key_id = "AK"\nsecret_access_key = "5ecret"\ndownloads = "redirect"\n',
    );
    const { storage } = await loadConfig({ directory, env: { DIST_STORAGE_PATH_STYLE: "true" } });
    expect(storage).toMatchObject({
      kind: "s3",
      endpoint: "https://s3.example",
      region: "us-east-1",
      bucket: "releases",
      prefix: "dist/",
      pathStyle: true,
      accessKeyId: "AK",
      caFile: null,
      downloads: "redirect",
      spoolDirectory: null,
    });
    expect(inspect(storage)).not.toContain("5ecret");
    expect((await loadConfig({ directory: join(directory, "other"), env: {} })).storage).toEqual({
      kind: "directory",
    });
  });

  it("takes a secret out of a file, and says when it cannot", async () => {
    await toml('[storage]\nkind = "s3"\nbucket = "releases"\naccess_key_id = "AK"\n');
    const file = join(directory, "secret");
    await writeFile(file, "from the file\n");
    const name = "DIST_STORAGE_SECRET_ACCESS_KEY_FILE";
    const { storage } = await loadConfig({ directory, env: { [name]: file } });
    expect(storage.kind === "s3" && storage.secretAccessKey.reveal()).toBe("from the file");
    expect(await problems({ [name]: join(directory, "missing") })).toMatchObject([
      { key: name, source: "environment", message: expect.stringContaining("ENOENT") },
      { key: "storage.secret_access_key" },
    ]);
  });

  it.each([
    ["a prefix without its slash", { DIST_STORAGE_PREFIX: "dist" }],
    ["a prefix from the root", { DIST_STORAGE_PREFIX: "/dist/" }],
    ["a bucket that is no name", { DIST_STORAGE_BUCKET: "My_Bucket" }],
    ["an endpoint with a path", { DIST_STORAGE_ENDPOINT: "https://s3.example/bucket" }],
    ["neither true nor false", { DIST_STORAGE_PATH_STYLE: "yes" }],
  ])("refuses %s", async (_what, env) => {
    expect(await problems(env)).toMatchObject([{ key: Object.keys(env)[0], source: "environment" }]);
  });

  it("reads how far ahead objects are locked, where they are", async () => {
    const s3 = '[storage]\nkind = "s3"\nbucket = "releases"\naccess_key_id = "AK"\nsecret_access_key = "s"\n';
    await toml(`${s3}object_lock = true\nobject_lock_ahead = "90s"\n`);
    expect((await loadConfig({ directory, env: {} })).store.lockAheadMs).toBe(90_000);
    const env = { DIST_STORAGE_OBJECT_LOCK: "false" };
    expect((await loadConfig({ directory, env })).store.lockAheadMs).toBeNull();
  });

  // It would protect nothing, and nobody would know.
  it("refuses to lock what is in a directory", async () => {
    expect(await problems({ DIST_STORAGE_OBJECT_LOCK: "true" })).toMatchObject([
      { key: "storage.object_lock", message: expect.stringContaining("needs an object store") },
    ]);
  });

  it("says where dist.toml is not TOML", async () => {
    await toml('default_visibility = "private"\nuploads = = 3\n');
    const [problem] = await problems({});
    expect(problem?.source).toMatch(/^dist\.toml:2:\d+$/);
    expect(problem?.message).toContain("line 2");
  });

  it.each([
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00])],
    ["more than 1 MiB", Buffer.alloc(1024 * 1024 + 1, "#")],
  ])("refuses %s", async (_what, bytes) => {
    await writeFile(join(directory, "dist.toml"), bytes);
    expect(await problems({})).toMatchObject([{ key: null, source: "dist.toml" }]);
  });

  async function toml(text: string): Promise<void> {
    await writeFile(join(directory, "dist.toml"), text);
  }

  async function problems(env: Record<string, string>): Promise<readonly ConfigProblem[]> {
    const error = await loadConfig({ directory, env }).then(
      () => undefined,
      (refused: unknown) => refused,
    );
    if (!(error instanceof DistError)) throw new Error("The configuration was taken.");
    expect(error.code).toBe("config.invalid");
    return error.details["problems"] as ConfigProblem[];
  }
});

describe("readEnvironment", () => {
  it("reads what the command line takes, empty as absent", () => {
    const environment = readEnvironment({
      DIST_STORE: "s",
      DIST_SERVER: "",
      DIST_TOKEN: "dist_x",
      NO_COLOR: "1",
      DIST_DEBUG: "0",
    });
    expect(environment).toMatchObject({ localStore: "s", server: undefined, debug: false, colour: false });
    expect(environment.token?.reveal()).toBe("dist_x");
    expect(readEnvironment({ DIST_DEBUG: "1" })).toMatchObject({
      debug: true,
      colour: true,
      token: undefined,
    });
  });
});

describe("Secret", () => {
  it("shows itself nowhere", () => {
    const secret = new Secret("dist_5ecret");
    const shown = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true }),
    ];
    for (const text of shown) {
      expect(text).toContain("[secret]");
      expect(text).not.toContain("5ecret");
    }
    expect(secret.reveal()).toBe("dist_5ecret");
  });
});

describe("configurationReference", () => {
  it("has every key and variable", () => {
    const page = configurationReference();
    for (const key of settingKeys) {
      expect(page).toContain(`\`${key}\``);
      expect(page).toContain(`\`${variableOf(key)}\``);
    }
    for (const name of Object.keys(environmentVariables)) expect(page).toContain(`\`${name}\``);
  });
});
