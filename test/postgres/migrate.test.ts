import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, expect, it } from "vitest";

import { delay } from "../../src/base/async.ts";
import type { S3Settings } from "../../src/blob/s3/s3-settings.ts";
import { viewNames } from "../../src/catalog/schema/views.ts";
import { parseDatabaseUrl } from "../../src/config/database-url.ts";
import { plainS3, rgwTools, testS3Settings } from "../support/object-store.ts";
import { killPrograms, runDist, startProgram } from "../support/programs.ts";
import { needs } from "../support/required-tools.ts";
import { freshSchema, postgresUrl, runPostgres } from "../support/test-database.ts";
import { bytesOf, openTestStore, sourceOf, tarArtifact, tarGzBytes } from "../support/test-store.ts";

const isLong = process.env["DIST_TEST_LONG"] === "1";
/** About 25 MB in the usual run, 1 GB in the long one: many small files, and one that goes in many parts. */
const RELEASES = isLong ? 10_000 : 300;
const RELEASE_BYTES = 64 * 1024;
const LARGE_BYTES = (isLong ? 320 : 20) * 1024 ** 2;
/** Of a migration: Node with both stores, and eight objects on their way. Files of any size must fit. */
const MAX_MEMORY_KIB = 400 * 1024;

const onSqlite = { database: { engine: "sqlite", file: "dist.db" } } as const;

let directory: string;
let schema: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-migrate-"));
  schema = freshSchema();
});
afterEach(async () => {
  await killPrograms();
  await rm(directory, { recursive: true });
});

const place = (name: string) => join(directory, name);

/** The store that the others come from: SQLite and a directory. */
async function fillSource(): Promise<void> {
  const test = await openTestStore({ directory: place("source"), settings: onSqlite, blobs: "directory" });
  const publish = async (version: string, bytes: Uint8Array) => {
    const { sha256 } = await test.registry.uploadObject(sourceOf(tarGzBytes(bytes)));
    await test.registry.publish({ app: "acme", version, channel: "beta", artifacts: [tarArtifact(sha256)] });
  };
  await publish("large", randomBytes(LARGE_BYTES));
  for (let n = 0; n < RELEASES; n += 1) await publish(`1.${n}`, randomBytes(RELEASE_BYTES));
  await test.registry.signDownload("acme", { release: "1.0" }, await artifactOf("1.0"));
  await test.registry.createToken({ name: "ci", scopes: ["publish"] });
  await test.close();

  async function artifactOf(release: string): Promise<string> {
    return (await test.registry.getRelease("acme", { release })).artifacts[0]!.id;
  }
}

/** Writes the `dist.toml` of a store on the run's PostgreSQL, on the object gateway, or on both; `secret: false` keeps one out. */
async function writeSettings(
  name: string,
  { database = false, s3, secret = true }: { database?: boolean; s3?: S3Settings; secret?: boolean },
): Promise<void> {
  const lines = database ? ["[database]", `url = "${postgresUrl(schema)}"`] : [];
  if (s3 !== undefined) {
    lines.push("[storage]", 'kind = "s3"', `endpoint = "${s3.endpoint}"`, `bucket = "${s3.bucket}"`);
    lines.push(`prefix = "${s3.prefix}"`, `access_key_id = "${s3.accessKeyId}"`);
    if (secret) lines.push(`secret_access_key = "${s3.secretAccessKey.reveal()}"`);
  }
  await mkdir(place(name), { recursive: true });
  await writeFile(place(`${name}/dist.toml`), `${lines.join("\n")}\n`);
}

const migration = (from: string, to: string) => [
  "store",
  "migrate",
  "--from",
  place(from),
  "--to",
  place(to),
];

async function exportOf(name: string, env: Record<string, string>): Promise<string> {
  const output = place(`${name}.json`);
  const args = ["store", "export", "--local-store", place(name), "--output", output];
  expect(await runDist(args, env)).toMatchObject({ exit: 0 });
  return createHash("sha256")
    .update(await readFile(output))
    .digest("hex");
}

/** Kills a migration once this many objects are in the target's table; answers how many are when it is dead. */
async function killOnceCopied(
  args: readonly string[],
  env: Record<string, string>,
  copied: () => number,
): Promise<number> {
  const program = startProgram("dist", args, env);
  while (program.child.exitCode === null && copied() < RELEASES / 2) await delay(20);
  program.child.kill("SIGKILL");
  expect(await program.code).toBe(null);
  return copied();
}

/** Runs a migration to its end, and watches how much memory it takes. */
async function migrate(args: readonly string[], env: Record<string, string>) {
  const program = startProgram("dist", [...args, "--json"], env);
  let peakKib = 0;
  while (program.child.exitCode === null) {
    const status = await readFile(`/proc/${program.child.pid}/status`, "utf8").catch(() => "");
    peakKib = Math.max(peakKib, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    await delay(50);
  }
  expect(await program.code, program.stderr() + program.stdout()).toBe(0);
  expect(peakKib).toBeGreaterThan(0);
  expect(peakKib).toBeLessThan(MAX_MEMORY_KIB);
  const report = JSON.parse(program.stdout());
  console.log(
    `${args.at(-1)!.split("/").at(-1)}: ${report.events} events, ${report.objects.copied} of ${report.objects.total} objects, ` +
      `${report.objects.copied_bytes} bytes; writers stood for ${report.write_stop_ms} ms; ${Math.round(peakKib / 1024)} MiB`,
  );
  return report;
}

const countIn = (name: string): number => {
  try {
    const database = new DatabaseSync(join(place(name), "dist.db"), { readOnly: true });
    const [row] = database.prepare("SELECT count(*) AS count FROM storage_location").all();
    database.close();
    return Number(row!["count"]);
  } catch {
    // It is being made.
    return 0;
  }
};
const countInMiddle = (): number => {
  try {
    return Number(runPostgres(schema, "SELECT count(*) AS count FROM storage_location")[0]!["count"]);
  } catch {
    return 0;
  }
};

needs("procfs", ...rgwTools)("a store that goes to PostgreSQL and Ceph RGW and comes back", () => {
  it(
    "is the same to its last byte, though both ways were killed in the middle",
    async () => {
      await fillSource();
      const s3 = await testS3Settings();
      await writeSettings("middle", { database: true, s3, secret: false });
      const secret = s3.secretAccessKey.reveal();
      const toMiddle = { DIST_TO_STORAGE_SECRET_ACCESS_KEY: secret };
      const inMiddle = { DIST_STORAGE_SECRET_ACCESS_KEY: secret };
      const forth = ["store", "migrate", "--from", place("source"), "--to", `file://${place("middle")}`];
      const back = migration("middle", "back");

      const sentForth = await killOnceCopied(forth, toMiddle, countInMiddle);
      const there = await migrate(forth, toMiddle);
      expect(there.objects.total).toBe(2 * (RELEASES + 1));
      expect(there.objects.copied).toBeGreaterThan(0);
      expect(there.objects.copied).toBeLessThanOrEqual(there.objects.total - sentForth);
      expect(there.state).toMatchObject({ signing_keys: 1 });

      const sentBack = await killOnceCopied(back, inMiddle, () => countIn("back"));
      const here = await migrate(back, inMiddle);
      expect(here).toMatchObject({ head: there.head, log_id: there.log_id, leaf_hash: there.leaf_hash });
      expect(here.objects.copied).toBeGreaterThan(0);
      expect(here.objects.copied).toBeLessThanOrEqual(here.objects.total - sentBack);

      const exported = await exportOf("source", {});
      expect(await exportOf("middle", inMiddle)).toBe(exported);
      expect(await exportOf("back", {})).toBe(exported);
      for (const [name, env] of [
        ["middle", inMiddle],
        ["back", {}],
      ] as const) {
        const verified = await runDist(["store", "verify", "--local-store", place(name)], env);
        expect(verified).toMatchObject({
          exit: 0,
          json: { ok: true, checked: { objects: there.objects.total } },
        });
      }
      const rows = (name: string, sql: string) => {
        const database = new DatabaseSync(join(place(name), "dist.db"), { readOnly: true });
        const all = database.prepare(sql).all();
        database.close();
        return all;
      };
      for (const table of [
        "event",
        "log_head",
        "storage_location",
        "lease",
        "token_use",
        "download_day",
        "download_app_day",
        "signing_key",
        ...viewNames,
      ]) {
        const sql = `SELECT * FROM ${table} ORDER BY 1, 2`;
        expect(rows("back", sql), table).toEqual(rows("source", sql));
      }
      const download = async (name: string, env: Record<string, string>) => {
        const output = place(`large-${name}`);
        const args = ["release", "download", "large", "--app", "acme", "--output", output];
        expect(await runDist([...args, "--local-store", place(name)], env)).toMatchObject({ exit: 0 });
        return readFile(output);
      };
      const wanted = await download("source", {});
      expect((await download("middle", inMiddle)).equals(wanted)).toBe(true);
      expect((await download("back", {})).equals(wanted)).toBe(true);
    },
    isLong ? 1_800_000 : 300_000,
  );

  it("moves between engines and object stores one at a time as well", async () => {
    const test = await openTestStore({ directory: place("source"), settings: onSqlite, blobs: "directory" });
    const { sha256 } = await test.registry.uploadObject(sourceOf(tarGzBytes("1.0")));
    await test.registry.publish({
      app: "acme",
      version: "1.0",
      channel: "beta",
      artifacts: [tarArtifact(sha256)],
    });
    await test.close();
    const exported = await exportOf("source", {});
    // PostgreSQL with a directory, then SQLite with the gateway; then the gateway under another prefix.
    await writeSettings("postgres", { database: true });
    await writeSettings("first", { s3: await testS3Settings() });
    await writeSettings("second", { s3: await testS3Settings() });
    for (const [from, to] of [
      ["source", "postgres"],
      ["postgres", "first"],
      ["first", "second"],
    ] as const) {
      const moved = await runDist(migration(from, to));
      expect(moved, to).toMatchObject({ exit: 0, json: { objects: { copied: 2 } } });
      expect(await exportOf(to, {})).toBe(exported);
      expect(await runDist(["store", "verify", "--local-store", place(to)])).toMatchObject({ exit: 0 });
    }
    const refused = await runDist(migration("first", "first"));
    expect(refused).toMatchObject({ exit: 1, json: { error: { code: "migration.same_place" } } });
  });

  it("is refused where both sides have one part of one bucket, and leaves nothing there", async () => {
    const storage = { kind: "s3", ...(await testS3Settings()) } as const;
    const test = await openTestStore({ directory: place("source"), settings: onSqlite, storage });
    await test.registry.uploadObject(sourceOf(tarGzBytes("1.0")));
    await test.close();
    await writeSettings("source", { s3: storage });
    await writeSettings("target", { s3: storage });
    const refused = await runDist(migration("source", "target"));
    expect(refused).toMatchObject({
      exit: 1,
      json: { error: { code: "migration.same_place", details: { what: "storage" } } },
    });
    const s3 = plainS3(storage);
    const { Contents = [] } = await s3.listObjectsV2({ Bucket: storage.bucket, Prefix: storage.prefix });
    s3.destroy();
    expect(Contents).toHaveLength(1);
  });

  it.each([
    ["a bucket that is missing", { bucket: "not-there" }, "blob.bucket_missing"],
    ["a user whom nobody knows", { accessKeyId: "nobody" }, "blob.access_denied"],
  ])("ends with 3 at %s", async (_what, changes, code) => {
    const test = await openTestStore({ directory: place("source"), settings: onSqlite, blobs: "directory" });
    await test.registry.uploadObject(sourceOf(tarGzBytes("1.0")));
    await test.close();
    await writeSettings("target", { s3: await testS3Settings(changes) });
    const refused = await runDist(migration("source", "target"));
    expect(refused).toMatchObject({ exit: 3, json: { error: { code } } });
  });

  it("finds a changed byte in the bucket it leaves", async () => {
    const storage = { kind: "s3", ...(await testS3Settings()) } as const;
    const settings = { database: parseDatabaseUrl(postgresUrl(schema))! };
    const test = await openTestStore({ directory: place("source"), settings, storage });
    const { sha256 } = await test.registry.uploadObject(sourceOf(tarGzBytes("1.0")));
    const s3 = plainS3(storage);
    const [row] = runPostgres(schema, "SELECT physical_key FROM storage_location");
    const Key = `${storage.prefix}${row!["physical_key"]}`;
    await s3.putObject({ Bucket: storage.bucket, Key, Body: tarGzBytes("1.1") });
    s3.destroy();
    expect(await bytesOf(test.registry, sha256).catch(() => "damaged")).toBe("damaged");
    await test.close();
    await writeSettings("source", { database: true, s3: storage });
    const refused = await runDist(migration("source", "target"));
    expect(refused).toMatchObject({
      exit: 4,
      json: {
        error: {
          code: "migration.source_damaged",
          details: { problems: [{ code: "object.damaged", target: sha256 }] },
        },
      },
    });
  });
});
