import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { localPrincipal } from "../../src/registry/principal.ts";
import { openStore } from "../../src/registry/open-store.ts";
import { testSettings } from "../support/test-store.ts";
import { killPrograms } from "../support/programs.ts";
import { beginUpload, eventually, type Program, run, SHOWN } from "./distd-program.ts";
import { ask } from "./transfer-server.ts";

let directory: string;
let store: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-workers-"));
  store = join(directory, "store");
});
afterEach(async () => {
  await killPrograms();
  await rm(directory, { recursive: true, force: true });
});

const start = (workers: number, options?: { ownGroup: boolean }) =>
  run(["--local-store", store, "--port", "0", "--workers", `${workers}`], {}, options);

/** The processes of the workers, in the order of their numbers. */
const pidsOf = async (program: Program) => (await program.line("listening"))["workers"] as number[];

/** Asks for this page until every one of these workers has answered; resolves to the statuses of all answers. */
async function askEvery(program: Program, path: string, pids: readonly number[]): Promise<readonly number[]> {
  const statuses: number[] = [];
  const before = program.log().length;
  await eventually(async () => {
    statuses.push((await ask(`${await program.url}${path}`)).status);
    const answered = program
      .log()
      .slice(before)
      .filter((line) => line["path"] === path);
    expect(new Set(answered.map((line) => line["pid"]))).toEqual(new Set(pids));
  });
  return statuses;
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const allGone = (pids: readonly number[]) =>
  eventually(() => expect(pids.filter((pid) => isAlive(pid))).toEqual([]));

describe("distd with workers", () => {
  it("answers with all of them on one port, and does once what is done once", async () => {
    const program = start(3);
    const pids = await pidsOf(program);
    expect(new Set(pids).size).toBe(3);
    await askEvery(program, "/nothing", pids);
    expect(program.log().filter(({ msg }) => msg === "listening")).toHaveLength(1);
    expect(program.log().filter(({ msg }) => msg === "jobs scheduled")).toMatchObject([{ worker: 1 }]);
    expect(program.stderr().match(new RegExp(SHOWN, "gm"))).toHaveLength(1);
    const headers = { Authorization: `Bearer ${program.secret()}` };
    expect((await ask(`${await program.url}/api/tokens`, { headers })).status).toBe(200);
    program.child.kill("SIGTERM");
    expect(await program.code).toBe(0);
    await allGone(pids);
    const log = program.log();
    // The supervisor's lines: a worker's last ones may come between.
    const own = log.filter(({ pid }) => pid === program.child.pid);
    expect(own.slice(-2)).toMatchObject([{ msg: "stopping" }, { msg: "stopped" }]);
    expect(log.at(-1)).toBe(own.at(-1));
    // Who of them says it stands in every line.
    expect(new Set(log.map((line) => line["pid"]))).toEqual(new Set([program.child.pid, ...pids]));
    expect(program.stdout()).not.toContain(program.secret());
  });

  it("shows what another process writes through each of them", async () => {
    const program = start(2);
    const pids = await pidsOf(program);
    expect(new Set(await askEvery(program, "/api/apps/acme", pids))).toEqual(new Set([404]));
    const local = await openStore({ directory: store, create: false, settings: testSettings });
    await local.as(localPrincipal("tester")).createApp("acme", {});
    await local.close();
    expect(new Set(await askEvery(program, "/api/apps/acme", pids))).toEqual(new Set([200]));
  });

  it("adds up the figures of all of them, whoever is asked", async () => {
    const program = start(2);
    const pids = await pidsOf(program);
    const asked = (await askEvery(program, "/nothing", pids)).length;
    // A request is counted when its connection has taken the answer, which may be after the client has it.
    await program.line(
      "request",
      () => program.log().filter((line) => line["path"] === "/nothing").length === asked,
    );
    for (let scrape = 0; scrape < 4; scrape += 1) {
      const { status, body } = await ask(`${await program.url}/metrics`);
      expect(status).toBe(200);
      expect(body.toString()).toContain(`dist_http_requests_total{method="GET",status="404"} ${asked}\n`);
      // Not a sum: they read one log, which holds the first token alone.
      expect(body.toString()).toContain("\ndist_event_log_head 1\n");
    }
  });

  it("replaces one that is killed; the replacement does what was its to do", async () => {
    const program = start(2);
    const url = await program.url;
    const [leader, other] = (await pidsOf(program)) as [number, number];
    process.kill(leader, "SIGKILL");
    // Refused is fine, unanswered is not: a connection must not be left with a worker that is gone.
    await Promise.allSettled(Array.from({ length: 20 }, () => ask(`${url}/healthz`)));
    await eventually(async () => expect((await ask(`${url}/healthz`)).status).toBe(200));
    const replaced = await program.line("worker replaced");
    const pid = replaced["worker_pid"] as number;
    await askEvery(program, "/nothing", [pid, other]);
    expect(replaced["worker"]).toBe(1);
    expect(program.log().find(({ msg }) => msg === "worker ended")).toMatchObject({
      level: "error",
      worker: 1,
      worker_pid: leader,
      signal: "SIGKILL",
    });
    expect(program.log().filter(({ msg }) => msg === "jobs scheduled")).toMatchObject([
      { pid: leader },
      { pid },
    ]);
    expect(program.stderr().match(new RegExp(SHOWN, "gm"))).toHaveLength(1);

    // With the last of them goes the socket, whose port was any that is free.
    for (const one of [pid, other]) process.kill(one, "SIGKILL");
    await program.line("worker replaced", (line) => line["worker"] === 2);
    await program.line("worker replaced", (line) => line["worker"] === 1 && line["worker_pid"] !== pid);
    expect((await ask(`${url}/healthz`)).status).toBe(200);
    program.child.kill("SIGTERM");
    expect(await program.code).toBe(0);
  });

  // Workers without a supervisor would hold the store, and answer nobody.
  it("leaves none behind when the supervisor is killed", async () => {
    const program = start(2);
    const pids = await pidsOf(program);
    program.child.kill("SIGKILL");
    await allGone(pids);
    await program.code;
  });

  it("lets an upload under way finish when it is told to stop", async () => {
    const program = start(2);
    const upload = await beginUpload(await program.url, program.secret());
    program.child.kill("SIGTERM");
    await program.line("stopping");
    upload.finish();
    expect(await program.code).toBe(0);
    expect(upload.received()).toMatch(/HTTP\/1\.1 201 /);
  });

  // Ctrl-C reaches every process of the terminal's group, workers too: none may end early or be replaced.
  it("takes a signal to the whole process group for one", async () => {
    const program = start(2, { ownGroup: true });
    const upload = await beginUpload(await program.url, program.secret());
    const pids = await pidsOf(program);
    process.kill(-program.child.pid!, "SIGINT");
    await program.line("stopping");
    upload.finish();
    expect(await program.code).toBe(0);
    expect(upload.received()).toMatch(/HTTP\/1\.1 201 /);
    expect(program.log().filter(({ msg }) => msg === "worker ended")).toEqual([]);
    await allGone(pids);
  });

  it("ends at once on the second signal, with all of them", async () => {
    const program = start(2);
    await beginUpload(await program.url, program.secret());
    const pids = await pidsOf(program);
    program.child.kill("SIGTERM");
    await program.line("stopping");
    program.child.kill("SIGTERM");
    expect(await program.code).toBe(143);
    await allGone(pids);
  });

  it("says once that it cannot listen, and shows no token", async () => {
    const first = start(2);
    const { port } = new URL(await first.url);
    const args = ["--local-store", join(directory, "other"), "--port", port, "--workers", "3"];
    const second = run(args);
    expect(await second.code).toBe(3);
    expect(second.stderr().match(/server\.cannot_listen/g)).toHaveLength(1);
    expect(second.stderr()).not.toMatch(SHOWN);
  });

  it("gives up on a worker that ends at once again and again", async () => {
    const program = start(2);
    const [, second] = (await pidsOf(program)) as [number, number];
    // A replacement must not take an empty place for a new store, as where a volume is not mounted.
    await rename(store, join(directory, "away"));
    process.kill(second, "SIGKILL");
    expect(await program.code).toBe(3);
    expect(program.stderr()).toContain("server.worker_failed");
    expect(program.log().filter(({ level }) => level === "fatal")).toMatchObject([{ worker: 2 }]);
    const errors = program.log().filter(({ msg }) => msg === "worker did not start");
    expect(errors).toHaveLength(5);
    expect(errors[0]).toMatchObject({ worker: 2, err: { code: "store.load" } });
  });

  it("refuses a number of workers that is none", async () => {
    const refused = run(["--local-store", store, "--workers", "0"], { DIST_SERVER_WORKERS: "65" });
    expect(await refused.code).toBe(1);
    expect(refused.stderr()).toContain("--workers must be a number from 1 to 64.");
    expect(refused.stderr()).toContain("DIST_SERVER_WORKERS must be");
  });
});
