import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { runCli } from "../testing/run-cli.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-migrate-"));
});
afterEach(() => rm(directory, { recursive: true }));

const migrate = (from: string, to: string, env: Record<string, string> = {}) =>
  runCli(["store", "migrate", "--from", from, "--to", to, "--json"], { directory, env });

/** A store with a log of its own, for it was made by a migration from it. */
async function makeStore(name: string): Promise<void> {
  const { openStore } = await import("../../registry/open-store.ts");
  const { loadConfig } = await import("../../config/load-config.ts");
  const { store: settings } = await loadConfig({ directory: join(directory, name), env: {} });
  await (await openStore({ directory: join(directory, name), create: true, settings })).close();
}

describe("store migrate", () => {
  it("takes directories as paths and as file: URLs, and says what to do next", async () => {
    await makeStore("from");
    const url = pathToFileURL(join(directory, "to one")).href;
    const moved = await migrate("from", url);
    expect(moved).toMatchObject({ code: 0, json: { ok: true, head: 0, objects: { total: 0 } } });
    const said = await runCli(["store", "migrate", "--from", "from", "--to", "to one"], {
      directory,
      env: {},
    });
    expect(said.code).toBe(0);
    expect(said.stdout).toContain(moved.json.log_id);
    expect(said.stdout).toContain(`Point servers and clients at ${join(directory, "to one")} now.`);
    expect(said.stdout).toContain("is not in the copy");
  });

  it.each([
    "postgres://dist@localhost/dist",
    "s3://bucket/prefix",
    "https://dist.example.org",
    "file://elsewhere/store",
    "file:///%2f",
    "",
  ])("usage.invalid_value: %s is no store directory", async (place) => {
    for (const [from, to] of [
      [place, "to"],
      ["from", place],
    ] as const) {
      await mkdir(join(directory, "from"), { recursive: true });
      await makeStore("from");
      expect(await migrate(from, to)).toMatchObject({
        code: 2,
        json: { error: { code: "usage.invalid_value" } },
      });
    }
  });

  it("usage.missing_option: needs both sides", async () => {
    for (const flag of ["--from", "--to"]) {
      const run = await runCli(["store", "migrate", flag, "store", "--json"], { directory });
      expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.missing_option" } } });
    }
  });

  it("store.load: a source that is missing is not made", async () => {
    expect(await migrate("none", "to")).toMatchObject({ code: 1, json: { error: { code: "store.load" } } });
  });

  it("config.invalid: reads the settings of both sides before it opens either", async () => {
    await makeStore("from");
    await mkdir(join(directory, "to"));
    await writeFile(join(directory, "to", "dist.toml"), "[database]\nurls = 'x'\n");
    expect(await migrate("from", "to")).toMatchObject({
      code: 1,
      json: { error: { code: "config.invalid" } },
    });
  });

  // A variable that held for both would make one place of them.
  it("takes DIST_* for the source and DIST_TO_* for the target", async () => {
    await makeStore("from");
    const elsewhere = { DIST_DATABASE_URL: "sqlite:none.db" };
    expect(await migrate("from", "to", elsewhere)).toMatchObject({
      code: 1,
      json: { error: { code: "store.load", details: { path: join(directory, "from", "none.db") } } },
    });
    const unreachable = { DIST_TO_DATABASE_URL: "postgres://dist@127.0.0.1:1/dist" };
    expect(await migrate("from", "to", unreachable)).toMatchObject({
      code: 3,
      json: { error: { code: "store.unreachable" } },
    });
    expect(await migrate("from", "to", { DIST_TO_DATABASE: "x" })).toMatchObject({
      code: 1,
      json: { error: { code: "config.invalid" } },
    });
  });

  it("is interrupted by a signal", async () => {
    await makeStore("from");
    const run = await runCli(["store", "migrate", "--from", "from", "--to", "to", "--json"], {
      directory,
      env: {},
      signal: AbortSignal.abort("interrupted"),
    });
    expect(run).toMatchObject({ code: 130, json: { error: { code: "cli.interrupted" } } });
    expect(await migrate("from", "to")).toMatchObject({ code: 0 });
  });
});
