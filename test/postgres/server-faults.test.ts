import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

import { delay } from "../../src/base/async.ts";
import { hasCode } from "../../src/base/errors.ts";
import type { Database } from "../../src/catalog/database.ts";
import { headProblem } from "../../src/catalog/log-reader.ts";
import { localhostCertificate, localhostKey } from "../client/localhost-certificate.ts";
import {
  crashPostgres,
  type PostgresServer,
  removePostgres,
  restartPostgres,
  socketUrl,
  startPostgres,
} from "../support/postgres-server.ts";
import { needs } from "../support/required-tools.ts";
import { open, record, subjectsOf, targetOf } from "./clusters.ts";

/** A server of the test's own, since these tests stop it, fill its disk and change its settings. */
let server: PostgresServer;
beforeAll(() => {
  server = startPostgres({ fast: false });
});
afterAll(() => removePostgres(server));

async function asSuperuser(...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: socketUrl(server, "postgres") });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

describe("a server that is stopped at once and started again", () => {
  const CRASHES = 3;

  // The heart of it: an acknowledged write is on disk, whatever happens to the server a moment later.
  it("under load loses no acknowledged write, and every client goes on by itself", async () => {
    await asSuperuser("CREATE SCHEMA load AUTHORIZATION dist");
    const target = targetOf(`${server.url}?options=-c%20search_path%3Dload`);
    const databases = await Promise.all([open(target), open(target)]);
    const acknowledged: string[] = [];
    const unknown: string[] = [];
    const failed: string[] = [];
    const stop = new AbortController();
    const clients = [0, 1, 2, 3].map(async (client) => {
      const database = databases[client % 2]!;
      for (let n = 0; !stop.signal.aborted; n += 1) {
        const name = `${client}-${n}`;
        try {
          acknowledged.push(`${await record(database, name)} ${name}`);
        } catch (error) {
          // The codes a caller may retry; anything else is a bug and ends the test.
          if (hasCode(error, "transaction.outcome_unknown")) unknown.push(name);
          else if (hasCode(error, "store.unreachable")) failed.push(name);
          else throw error;
        }
      }
    });
    for (let crash = 0; crash < CRASHES; crash += 1) {
      const before = acknowledged.length;
      await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(before + 20);
      await crashPostgres(server);
      await restartPostgres(server);
    }
    const before = acknowledged.length;
    await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(before + 20);
    stop.abort();
    await Promise.all(clients);
    await expectLog(databases[0]!, acknowledged, { unknown, failed });
    await Promise.all(databases.map((each) => each.close()));
  });

  async function expectLog(
    database: Database,
    acknowledged: readonly string[],
    { unknown, failed }: { unknown: readonly string[]; failed: readonly string[] },
  ): Promise<void> {
    const subjects = await subjectsOf(database);
    const logged = new Set(subjects.map((subject, index) => `${index + 1} ${subject}`));
    expect(acknowledged.filter((each) => !logged.has(each))).toEqual([]);
    // What was not acknowledged is there once or not at all; what was refused is not there.
    expect(new Set(subjects).size).toBe(subjects.length);
    expect(failed.filter((name) => subjects.includes(name))).toEqual([]);
    expect(subjects.length).toBeLessThanOrEqual(acknowledged.length + unknown.length);
    expect(await database.read(headProblem)).toBeUndefined();
  }

  it("and stays away is store.unreachable after a while, and works again when it is back", async () => {
    await asSuperuser("CREATE SCHEMA away AUTHORIZATION dist");
    const database = await open(targetOf(`${server.url}?options=-c%20search_path%3Daway`));
    await crashPostgres(server);
    let nowMs = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (nowMs += 1_000));
    const [write, read] = await Promise.allSettled([record(database, "a"), subjectsOf(database)]);
    vi.restoreAllMocks();
    const refused = { status: "rejected", reason: { code: "store.unreachable" } };
    expect([write, read]).toMatchObject([refused, refused]);
    const waiting = record(database, "b");
    await delay(200);
    await restartPostgres(server);
    expect(await waiting).toBe(1);
    expect(await subjectsOf(database)).toEqual(["b"]);
    await database.close();
  });
});

needs("tmpfs")("a full disk under the database", () => {
  let mount: string;
  afterEach(async () => {
    await asSuperuser("DROP SCHEMA full_disk CASCADE", "DROP TABLESPACE small");
    spawnSync("umount", [mount]);
    await rm(mount, { recursive: true });
  });

  it("is store.full, and what was there stays", async () => {
    mount = await mkdtemp(join(tmpdir(), "dist-full-"));
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", mount]);
    const place = join(mount, "space");
    mkdirSync(place, { mode: 0o700 });
    const { uid, gid } = statSync(join(server.directory, "data"));
    chownSync(place, uid, gid);
    await asSuperuser(
      `CREATE TABLESPACE small OWNER dist LOCATION '${place}'`,
      "CREATE SCHEMA full_disk AUTHORIZATION dist",
    );
    const target = targetOf(
      `${server.url}?options=-c%20search_path%3Dfull_disk%20-c%20default_tablespace%3Dsmall`,
    );
    const database = await open(target);
    const { bavail, bsize } = statfsSync(mount);
    writeFileSync(join(mount, "filler"), new Uint8Array(bavail * bsize - 256 * 1024));
    const names: string[] = [];
    const fill = async () => {
      for (let n = 0; n < 5_000; n += 1) {
        const name = `${n}-${"x".repeat(2_000)}`;
        await record(database, name);
        names.push(name);
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: "store.full", kind: "unavailable" });
    expect(names.length).toBeGreaterThan(5);
    expect(await subjectsOf(database)).toEqual(names);
    await database.close();
  });
});

describe("TLS", () => {
  let authority: string;
  beforeAll(async () => {
    const { uid, gid } = statSync(join(server.directory, "data"));
    for (const [name, text] of [
      ["server.key", localhostKey],
      ["server.crt", localhostCertificate],
    ] as const) {
      const path = join(server.directory, "data", name);
      writeFileSync(path, text, { mode: 0o600 });
      chownSync(path, uid, gid);
    }
    authority = join(server.directory, "data", "server.crt");
    await asSuperuser(
      "ALTER SYSTEM SET ssl = on",
      "SELECT pg_reload_conf()",
      "CREATE SCHEMA tls AUTHORIZATION dist",
    );
  });

  const urlWith = (parameters: string, host = "localhost") => {
    const url = new URL(server.url);
    return `postgres://dist:dist@${host}:${url.port}/dist?options=-c%20search_path%3Dtls&${parameters}`;
  };
  const isEncrypted = async (url: string) => {
    const database = await open(targetOf(url));
    try {
      const connection = await database.maintenance();
      const query = "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
      const encrypted = await connection.scalar(query);
      await connection.close();
      return encrypted === 1;
    } finally {
      await database.close();
    }
  };

  it("is off, on, or on with whoever has the certificate, as sslmode says", async () => {
    expect(await isEncrypted(urlWith("sslmode=disable"))).toBe(false);
    expect(await isEncrypted(urlWith("sslmode=require"))).toBe(true);
    expect(await isEncrypted(urlWith(`sslmode=verify-full&sslrootcert=${authority}`))).toBe(true);
  });

  it.each([
    ["an authority nobody trusts", () => urlWith("sslmode=verify-full")],
    ["a root certificate that is not there", () => urlWith("sslmode=verify-full&sslrootcert=/missing.pem")],
  ])("refuses %s", async (_, url) => {
    await expect(open(targetOf(url()))).rejects.toMatchObject({ code: "store.unreachable" });
  });

  it("is not given up when the server has none", async () => {
    await asSuperuser("ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()");
    await expect
      .poll(() => open(targetOf(urlWith("sslmode=require"))).catch((error: unknown) => error))
      .toMatchObject({ code: "store.unreachable" });
  });
});
