import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { freshSchema, postgresUrl, runPostgres } from "../support/test-database.ts";
import { startProgram } from "../support/programs.ts";
import { tarGzBytes } from "../support/test-store.ts";

const program = join(import.meta.dirname, "../../build/main/dist.js");

let directory: string;
let schema: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-process-"));
  schema = freshSchema();
  await writeFile(join(directory, "acme.tar.gz"), tarGzBytes("1.0"));
  const manifest = { app: "acme", version: "1.0", artifacts: [{ platform: "linux", path: "acme.tar.gz" }] };
  await writeFile(join(directory, "dist.json"), JSON.stringify(manifest));
});
afterEach(() => rm(directory, { recursive: true }));

function dist(args: string[], env: Record<string, string> = { DIST_DATABASE_URL: postgresUrl(schema) }) {
  const options = { cwd: directory, env: { PATH: process.env["PATH"], ...env }, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [program, ...args, "--local-store", "store", "--json"],
    options,
  );
  return { status, json: stdout === "" ? undefined : JSON.parse(stdout), stderr };
}

const tables = () => runPostgres(schema, `SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`);

describe("dist on PostgreSQL", () => {
  it("publishes, shows and verifies with the database of the environment", () => {
    expect(dist(["store", "status"])).toMatchObject({ status: 1, json: { error: { code: "store.load" } } });
    expect(dist(["ci", "publish", "--manifest", "dist.json"])).toMatchObject({
      status: 0,
      json: { status: "published" },
    });
    expect(dist(["store", "status"]).json).toMatchObject({
      ok: true,
      database: { engine: expect.stringMatching(/^PostgreSQL/) },
    });
    expect(dist(["store", "verify"])).toMatchObject({ status: 0, json: { ok: true } });
    expect(dist(["store", "rebuild"])).toMatchObject({ status: 0, json: { ok: true } });
    expect(existsSync(join(directory, "store", "dist.db"))).toBe(false);
  });

  it("takes the database from dist.toml, and its URL from a file", async () => {
    const url = postgresUrl(schema);
    await writeFile(join(directory, "url"), `${url}\n`);
    expect(dist(["app", "create", "--app", "acme"], { DIST_DATABASE_URL_FILE: "url" })).toMatchObject({
      status: 0,
    });
    await writeFile(join(directory, "store", "dist.toml"), `[database]\nurl = "${url}"\n`);
    expect(dist(["app", "list"], {}).json.items).toMatchObject([{ slug: "acme" }]);
  });

  // A dry run must neither make a store nor look into another one.
  it("tries a publication without making anything", () => {
    const run = () => dist(["ci", "publish", "--manifest", "dist.json", "--dry-run"]);
    expect(run()).toMatchObject({ status: 0, json: { status: "dry_run" } });
    expect(tables()).toEqual([]);
    expect(dist(["ci", "publish", "--manifest", "dist.json"]).status).toBe(0);
    expect(run()).toMatchObject({ status: 1, json: { error: { code: "transaction.integrity" } } });
  });

  // Catches a password that is lost on its way to another process.
  it("serves with several workers, who sign in as the first process would", async () => {
    // A password in the URL; the test's server takes any.
    const url = postgresUrl(schema).replace("postgres://dist@", "postgres://dist:5ecret@");
    expect(url).toContain(":5ecret@");
    const args = ["--local-store", join(directory, "store"), "--port", "0", "--workers", "2"];
    const distd = startProgram("distd", args, { DIST_DATABASE_URL: url });
    try {
      expect((await fetch(`${await distd.url}/readyz`)).status).toBe(200);
    } finally {
      distd.child.kill("SIGTERM");
    }
    expect(await distd.code).toBe(0);
    expect(distd.stdout() + distd.stderr()).not.toContain("5ecret");
  });

  it.each([
    ["a server that is not there", "postgres://dist:5ecret@127.0.0.1:1/dist", 3, "store.unreachable"],
    ["a URL nobody can read", "postgres://dist:5ecret@/dist?sslmode=maybe", 1, "config.invalid"],
  ])("refuses %s without showing the password", (_, url, status, code) => {
    for (const args of [
      ["store", "status"],
      ["server", "run", "--check"],
    ]) {
      const run = dist(args, { DIST_DATABASE_URL: url, DIST_DEBUG: "1" });
      expect(run).toMatchObject({ status, json: { error: { code } } });
      expect(run.stderr + JSON.stringify(run.json)).not.toContain("5ecret");
    }
  });
});
