import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { VIEW_GENERATION, viewSteps } from "../../src/catalog/schema/views.ts";
import { dumpViews } from "../store/store-files.ts";
import { buildVersion, type Patch } from "../support/other-version.ts";
import { killPrograms, runDist, startProgram } from "../support/programs.ts";
import { databaseUrlFor, engine, runSql } from "../support/test-database.ts";
import { tarGzBytes } from "../support/test-store.ts";
import { type Program, run } from "./distd-program.ts";

/** Several versions of the program on one store: this one, and later ones made of its sources. */

/** Each starts a program many times. */
const TIMEOUT_MS = 240_000;

const migrations = "src/catalog/schema/migrations.ts";
const views = "src/catalog/schema/views.ts";
const releases = "src/catalog/projections/releases.ts";

/** What older versions bear: a nullable column, and a table of state. */
const adding: readonly Patch[] = [
  {
    file: views,
    from: "];\n\nexport const VIEW_GENERATION",
    to: `  { generation: ${VIEW_GENERATION + 1}, adds: { artifact: ["short_digest TEXT"] } },
];

export const VIEW_GENERATION`,
  },
  {
    file: views,
    from: "-- when the first of its signers' certificates, or its profile, ends`",
    to: ", -- when the first of its signers' certificates, or its profile, ends\n  short_digest TEXT`",
  },
  { file: migrations, from: "export const migrations", to: "const released" },
  {
    file: migrations,
    to: `export const migrations: readonly Migration[] = [
  ...released,
  { version: 1_000, compatible: true, statements: ["CREATE TABLE later (id TEXT PRIMARY KEY)"] },
];`,
  },
  {
    file: releases,
    from: "findings: JSON.stringify(data.findings),",
    to: "findings: JSON.stringify(data.findings), short_digest: data.sha256.slice(0, 8),",
  },
  {
    file: releases,
    from: "findings: p.findings,",
    to: "findings: p.findings, short_digest: p.short_digest,",
  },
];

/** What they do not: a column that must not be empty. */
const remaking: readonly Patch[] = [
  {
    file: views,
    from: `["short_digest TEXT"] } },`,
    to: `["short_digest TEXT"] } }, { generation: ${VIEW_GENERATION + 2} },`,
  },
  { file: views, from: "short_digest TEXT`", to: "short_digest TEXT NOT NULL`" },
];

/** Dies in the middle of the swap, where the environment says. */
const dying: readonly Patch[] = [
  {
    file: "src/catalog/remake-views.ts",
    from: "    await connection.execute(`DROP TABLE IF EXISTS",
    to: `    if (process.env["DIE_AT"] === view) process.kill(process.pid, "SIGKILL");
    await connection.execute(\`DROP TABLE IF EXISTS`,
  },
  {
    file: "src/catalog/remake-views.ts",
    from: "      await writeSchemaState(connection, present, { filled: true });",
    to: `      await writeSchemaState(connection, present, { filled: true });
      if (process.env["DIE_AT"] === "end") process.kill(process.pid, "SIGKILL");`,
  },
];

let versions: string;
/** Where the programs of each version are. */
let main: { readonly old?: string; readonly adding: string; readonly remaking: string };
beforeAll(async () => {
  versions = await mkdtemp(join(tmpdir(), "dist-versions-"));
  main = {
    adding: await buildVersion(join(versions, "adding"), adding),
    remaking: await buildVersion(join(versions, "remaking"), [...adding, ...remaking, ...dying]),
  };
});
afterAll(() => rm(versions, { recursive: true, force: true }));

type Version = "old" | "adding" | "remaking";

let directory: string;
let env: Record<string, string>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-versions-store-"));
  env = { DIST_DATABASE_URL: databaseUrlFor(directory) };
});
afterEach(async () => {
  await killPrograms();
  await rm(directory, { recursive: true, force: true });
});

const optionsOf = (version: Version) => (main[version] === undefined ? {} : { main: main[version] });

const start = (version: Version) => run(["--local-store", directory, "--port", "0"], env, optionsOf(version));

async function stop(node: Program): Promise<void> {
  node.child.kill("SIGTERM");
  expect(await node.code).toBe(0);
}

const onStore = (version: Version, ...args: string[]) =>
  runDist([...args, "--local-store", directory], env, optionsOf(version));

/** Publishes this version of the app, with the program of one version through a node of another. */
async function publish(node: Program, token: string, version: string): Promise<void> {
  const file = join(directory, `${version}.tar.gz`);
  const manifest = join(directory, `${version}.json`);
  await writeFile(file, tarGzBytes(version));
  await writeFile(
    manifest,
    JSON.stringify({ app: "acme", version, artifacts: [{ platform: "linux", path: file }] }),
  );
  const args = ["ci", "publish", "--manifest", manifest, "--server", await node.url, "--token", token];
  expect(await runDist(args)).toMatchObject({ exit: 0, json: { status: "published" } });
}

/** The versions that a node shows, oldest first, with their artifacts read. */
async function shown(node: Program, token: string): Promise<string> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${await node.url}/api/apps/acme/releases`, { headers });
  expect(response.status).toBe(200);
  const { items } = (await response.json()) as { items: { version: string; artifacts: unknown[] }[] };
  expect(items.every(({ artifacts }) => artifacts.length === 1)).toBe(true);
  return items
    .map(({ version }) => version)
    .toReversed()
    .join(" ");
}

const schemaRow = () => runSql(directory, "SELECT * FROM schema_version")[0]!;

/** Which releases have the added column filled: `1.0 1.1- 2.0` where 1.1 has not. */
const filled = () =>
  runSql(
    directory,
    `SELECT release.version, short_digest = substr(sha256, 1, 8) AS ok FROM release
      JOIN artifact ON artifact.release_id = release.id ORDER BY release.version`,
  )
    .map(({ version, ok }) => (ok === null ? `${version}-` : `${version}${ok ? "" : "!"}`))
    .join(" ");

const makeFillDue = () =>
  runSql(directory, "UPDATE job SET finished_at = '2020-01-01T00:00:00.000Z' WHERE name = 'fill-views'");

async function exported(version: Version): Promise<string> {
  const program = startProgram(
    "dist",
    ["store", "export", "--local-store", directory],
    env,
    optionsOf(version),
  );
  expect(await program.code).toBe(0);
  expect(program.stdout()).toContain("dist.log.v1");
  return program.stdout();
}

const expectSound = async (version: Version) => {
  expect(await onStore(version, "store", "verify")).toMatchObject({ exit: 0, json: { ok: true } });
  expect(await onStore(version, "store", "rebuild")).toMatchObject({ exit: 0, json: { ok: true } });
};

describe("a version that adds a column", { timeout: TIMEOUT_MS }, () => {
  it("works beside the one before it, and fills the column when that one is gone", async () => {
    let old = start("old");
    await old.url;
    const token = (await old.line("jobs scheduled")) && old.secret()!;
    await publish(old, token, "1.0");
    expect(await shown(old, token)).toBe("1.0");

    let added = start("adding");
    expect(await shown(added, token)).toBe("1.0");
    await publish(added, token, "1.1");
    // What the older node has prepared still works on the wider table.
    expect(await shown(old, token)).toBe("1.0 1.1");
    await publish(old, token, "1.2");
    await stop(old);
    old = start("old");
    expect(await shown(old, token)).toBe("1.0 1.1 1.2");
    await publish(old, token, "1.3");
    expect(await shown(added, token)).toBe("1.0 1.1 1.2 1.3");
    expect(filled()).toBe("1.0- 1.1 1.2- 1.3-");
    expect(schemaRow()).toMatchObject({
      version: 1000,
      view_generation: VIEW_GENERATION + 1,
      compatible_generation: viewSteps.findLast(({ adds }) => adds === undefined)!.generation,
    });

    // Not while an older node lives, that would leave it empty again.
    await stop(added);
    makeFillDue();
    added = start("adding");
    await added.line("job ended", ({ job }) => job === "fill-views");
    expect(added.log().filter(({ msg }) => msg === "views filled")).toEqual([]);
    expect(filled()).toBe("1.0- 1.1 1.2- 1.3-");

    const before = await exported("old");
    await stop(old);
    await stop(added);
    makeFillDue();
    added = start("adding");
    await added.line("views filled");
    expect(filled()).toBe("1.0 1.1 1.2 1.3");
    expect(schemaRow()).toMatchObject({ filled_generation: VIEW_GENERATION + 1 });
    await expectSound("adding");
    expect(await exported("adding")).toBe(before);
    await stop(added);
  });

  it("takes what an older one left empty for no fault, and fills it in a rebuild", async () => {
    const old = start("old");
    const token = (await old.line("jobs scheduled")) && old.secret()!;
    await publish(old, token, "1.0");
    expect(await onStore("adding", "store", "rebuild")).toMatchObject({ exit: 0, json: { ok: true } });
    expect(filled()).toBe("1.0");
    await publish(old, token, "1.1");
    expect(filled()).toBe("1.0 1.1-");
    expect(schemaRow()).toMatchObject({ filled_generation: VIEW_GENERATION });
    // The older version's rebuild knows nothing of the column, and leaves it alone where rows are right.
    await expectSound("old");
    expect(filled()).toBe("1.0 1.1-");
    runSql(directory, "UPDATE artifact SET filename = 'x'");
    expect(await onStore("old", "store", "rebuild")).toMatchObject({ exit: 4 });
    expect(filled()).toBe("1.0- 1.1-");
    await expectSound("adding");
    expect(filled()).toBe("1.0 1.1");
    await stop(old);
  });
});

describe("a version that remakes the views", { timeout: TIMEOUT_MS }, () => {
  it("waits until the older nodes are gone, and shuts their version out", async () => {
    const old = start("old");
    const token = (await old.line("jobs scheduled")) && old.secret()!;
    await publish(old, token, "1.0");
    const name = `${hostname()}:${old.child.pid}`;
    const refused = start("remaking");
    expect(await refused.code).toBe(3);
    expect(refused.stderr()).toContain("store.older_nodes");
    expect(refused.stderr()).toContain(name);
    expect(await onStore("remaking", "store", "status")).toMatchObject({
      exit: 3,
      json: { error: { code: "store.older_nodes", details: { nodes: [{ name }] } } },
    });
    await publish(old, token, "1.1");
    const before = await exported("old");
    old.child.kill("SIGKILL");
    await old.code;
    // One that was killed cannot say so: it counts until its time has passed.
    expect((await onStore("remaking", "store", "status")).exit).toBe(3);
    runSql(directory, "UPDATE node SET seen_at = '2020-01-01T00:00:00.000Z'");

    const remade = start("remaking");
    expect(await shown(remade, token)).toBe("1.0 1.1");
    expect(filled()).toBe("1.0 1.1");
    expect(schemaRow()).toMatchObject({
      view_generation: VIEW_GENERATION + 2,
      compatible_generation: VIEW_GENERATION + 2,
      filled_generation: VIEW_GENERATION + 2,
    });
    await publish(remade, token, "1.2");
    const late = start("old");
    expect(await late.code).toBe(3);
    expect(late.stderr()).toContain("store.newer_schema");
    await stop(remade);
    await expectSound("remaking");
    // All that came since is the publication.
    expect((await exported("remaking")).split("\n").slice(1, before.split("\n").length - 3)).toEqual(
      before.split("\n").slice(1, -3),
    );
  });

  it("leaves old or new views whole, and nothing else, when it is killed while it upgrades", async () => {
    const old = start("old");
    const token = (await old.line("jobs scheduled")) && old.secret()!;
    for (const version of ["1.0", "1.1", "1.2"]) await publish(old, token, version);
    await stop(old);
    const before = [dumpViews(directory), tableNames(), schemaRow()];
    for (const place of ["app", "package", "retention_state", "end"]) {
      const args = ["store", "status", "--local-store", directory];
      const upgrading = startProgram("dist", args, { ...env, DIE_AT: place }, optionsOf("remaking"));
      expect([place, await upgrading.code]).toEqual([place, null]);
      expect([dumpViews(directory), tableNames(), schemaRow()]).toEqual(before);
    }
    expect((await onStore("remaking", "store", "status")).exit).toBe(0);
    expect(tableNames().filter((table) => table.includes("__next"))).toEqual([]);
    expect(filled()).toBe("1.0 1.1 1.2");
    await expectSound("remaking");
  });
});

function tableNames(): string[] {
  const tables =
    engine === "sqlite"
      ? "SELECT name FROM sqlite_schema ORDER BY name"
      : "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1";
  return runSql(directory, tables).map(({ name }) => String(name));
}
