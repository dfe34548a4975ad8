import { writeFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { dist, type ProgramRun } from "../faults/program.ts";
import { freshSchema, POSTGRES_URL, postgresUrl, runPostgres } from "../support/test-database.ts";

let directory: string;
let schema: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-refusals-"));
  schema = freshSchema();
});
afterEach(() => rm(directory, { recursive: true }));

/** Preloaded: the program's clock is off by so much. */
const clockOffBy = (ms: number): readonly string[] => [
  "--import",
  `data:text/javascript,${encodeURIComponent(`const now = Date.now; Date.now = () => now() + ${ms};`)}`,
];

function server(
  mode: readonly string[],
  url: string = postgresUrl(schema),
  nodeOptions: readonly string[] = [],
): Promise<ProgramRun> {
  const args = ["server", "run", "--local-store", join(directory, "store"), "--port", "0", "--json"];
  return dist([...args, ...mode], { env: { DIST_DATABASE_URL: url }, nodeOptions });
}

/** Over TCP, where the server wants the password. */
function overTcp(password: string): string {
  const { port } = new URL(process.env[POSTGRES_URL]!);
  return `postgres://dist:${password}@127.0.0.1:${port}/dist?options=-c%20search_path%3D${schema}`;
}

const makeStore = async () => {
  const url = { DIST_DATABASE_URL: postgresUrl(schema) };
  const args = ["app", "create", "--app", "acme", "--local-store", join(directory, "made"), "--json"];
  expect((await dist(args, { env: url })).code).toBe(0);
};

/** Every relation with its columns. */
const state = () =>
  runPostgres(
    "public",
    `SELECT relname, string_agg(attname, ',' ORDER BY attnum) AS columns
       FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace JOIN pg_attribute ON attrelid = pg_class.oid
      WHERE nspname = '${schema}' GROUP BY relname ORDER BY relname`,
  );

const refusals: readonly {
  what: string;
  code: string;
  exit: number;
  says: RegExp;
  prepare?: () => unknown;
  url?: () => string;
  clockMs?: number;
}[] = [
  {
    what: "tables that are somebody else's",
    code: "store.foreign_tables",
    exit: 1,
    says: /app, token/,
    prepare: () => runPostgres(schema, "CREATE TABLE app (x INT); CREATE TABLE token (x INT)"),
  },
  {
    what: "somebody else's version of a schema",
    code: "store.foreign_tables",
    exit: 1,
    says: /schema_version/,
    prepare: () => runPostgres(schema, "CREATE TABLE schema_version (version INT)"),
  },
  {
    what: "a store of a newer version",
    code: "store.newer_schema",
    exit: 3,
    says: /schema 1000/,
    prepare: async () => {
      await makeStore();
      runPostgres(schema, "UPDATE schema_version SET version = 1000, compatible_version = 1000");
    },
  },
  {
    what: "a wrong password",
    code: "store.database_refused",
    exit: 3,
    says: /password authentication failed/,
    url: () => overTcp("5ecret"),
  },
  {
    what: "a schema that is not there",
    code: "store.database_refused",
    exit: 3,
    says: /search path/,
    prepare: () => runPostgres("public", `DROP SCHEMA ${schema}`),
  },
  {
    what: "a schema in which the user may make nothing",
    code: "store.database_refused",
    exit: 3,
    says: /schema/,
    url: () => `${process.env[POSTGRES_URL]}&options=-c%20search_path%3Dpg_catalog`,
  },
  {
    what: "a file of authorities that holds none",
    code: "store.unreachable",
    exit: 3,
    says: /no certificates/,
    url: () => {
      const file = join(directory, "ca.pem");
      writeFileSync(file, "nothing");
      return `${overTcp("dist")}&sslmode=verify-full&sslrootcert=${encodeURIComponent(file)}`;
    },
  },
  { what: "a clock an hour ahead", code: "clock.skew", exit: 3, says: /ahead of/, clockMs: 3_600_000 },
  { what: "a clock an hour behind", code: "clock.skew", exit: 3, says: /behind/, clockMs: -3_600_000 },
];

describe.each([
  ["a start", []],
  ["a check", ["--check"]],
])("%s on PostgreSQL", (_, mode) => {
  it.each(refusals)("refuses $what, and changes nothing", async ({ code, exit, says, ...setUp }) => {
    await setUp.prepare?.();
    const before = state();
    const run = await server(mode, setUp.url?.(), clockOffBy(setUp.clockMs ?? 0));
    expect([run.code, run.json.error.code]).toEqual([exit, code]);
    expect(run.json.error.message).toMatch(says);
    expect(run.stdout + run.stderr).not.toMatch(/5ecret|listening/);
    expect(state()).toEqual(before);
    if (mode.length > 0) expect(await readdir(directory)).not.toContain("store");
  });
});

describe("a check on PostgreSQL", () => {
  it("of an empty schema says that there is no store, and makes none", async () => {
    const run = await server(["--check"]);
    expect([run.code, run.json.ok, run.json.exists]).toEqual([0, true, false]);
    expect([state(), await readdir(directory)]).toEqual([[], []]);
  });

  it("of an older store leaves it to a start to bring it up to date", async () => {
    await makeStore();
    runPostgres(schema, "UPDATE schema_version SET view_generation = 0");
    const run = await server(["--check"]);
    expect([run.code, run.json.exists]).toEqual([0, true]);
    expect(run.json.checks.find(({ name }: { name: string }) => name === "database").message).toMatch(
      /older version/,
    );
    expect(runPostgres(schema, "SELECT view_generation AS g FROM schema_version")).toEqual([{ g: 0 }]);
  });
});
