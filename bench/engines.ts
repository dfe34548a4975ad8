/**
 * The same server on PostgreSQL and a Ceph gateway, against SQLite and a directory: hot reads, and publishing a small artifact.
 * And what a request costs a node when another node works on the same database.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { connect } from "../src/client/connect.ts";
import type { Registry } from "../src/registry/registry.ts";
import { inTemporaryDirectory, median, printPair, printRatePair, timeWork } from "./measure.ts";
import { requirePrograms, type ServerProcess, startDistd } from "./servers.ts";
import { environmentOf, startGateway, startPostgres } from "./services.ts";
import { prepareStore, tarGz } from "./stores.ts";
import { askRepeatedly } from "./wrk.ts";

const ROUNDS = 5;
const LOAD = { connections: 16, seconds: 2 };
const PUBLICATIONS = 60;
const WARM_UP = 5;
/** The kernel's unit of CPU time, in microseconds (USER_HZ is 100 on Linux). */
const TICK_US = 10_000;

requirePrograms("ceph-mon", "ceph-osd", "radosgw", "psql", "wrk");

await inTemporaryDirectory(async (directory) => {
  const database = startPostgres();
  const objects = await startGateway();
  const outgrown = environmentOf({ database, objects });
  const first = await siteOn(join(directory, "node-1"), outgrown);
  const embedded = await siteOn(join(directory, "store"), {});

  const rates = { ours: [] as number[], peer: [] as number[] };
  // The first round warms both up.
  for (let round = -1; round < ROUNDS; round += 1) {
    const [ours, peer] = [rateOf(first.server), rateOf(embedded.server)];
    if (round < 0) continue;
    rates.ours.push(ours);
    rates.peer.push(peer);
  }
  printRatePair("GET /api/apps/{slug} on PostgreSQL", rates.ours, rates.peer, "on SQLite");

  const times = { ours: [] as number[], peer: [] as number[] };
  for (let number = -WARM_UP; number < PUBLICATIONS; number += 1) {
    const ours = await timeWork(() => publish(first.registry, number));
    const peer = await timeWork(() => publish(embedded.registry, number));
    if (number < 0) continue;
    times.ours.push(ours);
    times.peer.push(peer);
  }
  printPair("publish on PostgreSQL and RGW", times.ours, times.peer, "on SQLite and a directory");

  const alone = Array.from({ length: ROUNDS }, () => costOf(first.server));
  const second = await startDistd(join(directory, "node-2"), { env: outgrown });
  rateOf(second);
  const beside = Array.from({ length: ROUNDS }, () => [costOf(first.server), costOf(second)]).flat();
  console.log(
    `CPU time of a node for a request: ${median(alone).toFixed(0)} µs alone; ` +
      `${median(beside).toFixed(0)} µs each with two nodes`,
  );
  for (const { server, registry } of [first, embedded]) {
    await registry.close();
    await server.stop();
  }
  await second.stop();
});

/** A server on a store with one release, and a client that may publish into it. */
async function siteOn(directory: string, env: Readonly<Record<string, string>>) {
  const { secret } = await prepareStore(
    directory,
    async (registry) => {
      await publish(registry, 10_000);
      return registry.createToken({ name: "bench", scopes: ["publish"] });
    },
    env,
  );
  const server = await startDistd(directory, { env });
  return { server, registry: connect({ server: server.url, token: secret }) };
}

async function publish(registry: Registry, number: number): Promise<void> {
  const bytes = tarGz(randomBytes(16).toString("hex"));
  const { sha256 } = await registry.uploadObject({
    open: async function* () {
      yield bytes;
    },
  });
  await registry.publish({
    app: "acme",
    version: `1.${number + WARM_UP}`,
    channel: "stable",
    artifacts: [{ platform: "linux", filename: "tool.tar.gz", sha256 }],
  });
}

function rateOf(server: ServerProcess): number {
  return askRepeatedly(`${server.url}/api/apps/acme`, LOAD).requestsPerSecond;
}

/** CPU time of a node for one request, in microseconds. */
function costOf(server: ServerProcess): number {
  const before = cpuTicks(server.pid);
  const requests = rateOf(server) * LOAD.seconds;
  return ((cpuTicks(server.pid) - before) * TICK_US) / requests;
}

/** proc_pid_stat(5): utime and stime are the fields 14 and 15; the name in field 2 may hold spaces. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
