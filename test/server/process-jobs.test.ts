import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { killPrograms } from "../support/programs.ts";
import { databaseUrlFor, runSql } from "../support/test-database.ts";
import { eventually, run } from "./distd-program.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-jobs-"));
});
afterEach(async () => {
  await killPrograms();
  await rm(directory, { recursive: true, force: true });
});

const start = () =>
  run(["--local-store", directory, "--port", "0"], { DIST_DATABASE_URL: databaseUrlFor(directory) });

const ended = { job: "expire-uploads" };
const endedIn = (program: ReturnType<typeof start>) =>
  program.log().filter(({ msg, job }) => msg === "job ended" && job === ended.job);

describe("two distd on one database", () => {
  it("run a job once, on the one that lives when its holder was killed", async () => {
    const [first, second] = [start(), start()];
    await Promise.all([first.url, second.url]);
    await eventually(() =>
      expect(runSql(directory, "SELECT * FROM job WHERE name = 'expire-uploads'")).toHaveLength(1),
    );
    first.child.kill("SIGKILL");
    second.child.kill("SIGKILL");
    await Promise.all([first.code, second.code]);
    // As a node leaves it that is killed in the middle of a run.
    const untilMs = Date.now() + 3_000;
    runSql(
      directory,
      "UPDATE job SET holder = 'node_killed', finished_at = NULL, lease_until = ? WHERE name = 'expire-uploads'",
      new Date(untilMs).toISOString(),
    );
    const [third, fourth] = [start(), start()];
    await Promise.race([
      third.line("job ended", ({ job }) => job === ended.job),
      fourth.line("job ended", ({ job }) => job === ended.job),
    ]);
    const [job] = runSql(directory, "SELECT * FROM job WHERE name = 'expire-uploads'");
    expect(Date.parse(job!["finished_at"])).toBeGreaterThanOrEqual(untilMs);
    await Promise.all([third.url, fourth.url]);
    for (const program of [third, fourth]) program.child.kill("SIGTERM");
    expect(await Promise.all([third.code, fourth.code])).toEqual([0, 0]);
    expect([...endedIn(third), ...endedIn(fourth)]).toHaveLength(1);
  });
});
