/** Listing, showing and sweeping a million packages, against the same with a thousand: what is kept must cost nothing. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { systemClock, toTimestamp } from "../src/base/clock.ts";
import { newId } from "../src/base/ids.ts";
import type { Database } from "../src/catalog/database.ts";
import { openSqliteDatabase } from "../src/catalog/sqlite/sqlite-database.ts";
import { localPrincipal } from "../src/registry/principal.ts";
import type { PackageFilter } from "../src/registry/records/packages.ts";
import type { Registry } from "../src/registry/registry.ts";
import { inTemporaryDirectory, printPair, timeWork } from "./measure.ts";
import { openBenchStore } from "./stores.ts";

const MANY = 1_000_000;
const FEW = 1_000;
const PACKAGES_PER_TRANSACTION = 1_000;
const PAGES = 200;
/** Packages that come to their end between two sweeps. */
const DUE = 100;
const SWEEPS = 10;
const DAY_MS = 24 * 3600 * 1000;
const actor = { actor: "local:bench", actorId: null };

/** A page by each way of asking; one in four of a rare value, so that it is found through its index or not at all. */
const filters: readonly (readonly [string, PackageFilter])[] = [
  ["of all packages", {}],
  ["by producer", { producer: "board-3" }],
  ["by status", { status: "created" }],
  ["by metadata", { metadata: { run: "run-77" } }],
  ["by metadata and class", { metadata: { target: "target-5" }, retention_class: "raw-evidence" }],
  ["of what may go", { eligible: true }],
];

await inTemporaryDirectory(async (directory) => {
  const many = await storeWith(join(directory, "many"), MANY);
  const few = await storeWith(join(directory, "few"), FEW);
  for (const [name, filter] of filters) {
    const times = await alternately(
      PAGES,
      () => page(many, filter),
      () => page(few, filter),
    );
    printPair(`a page of 50 ${name}, ${MANY} packages`, times.ours, times.peer, `with ${FEW}`);
    console.log(`  99 of 100 within ${percentile(times.ours, 0.99).toFixed(1)} ms`);
  }
  const ids = { many: await someIds(many), few: await someIds(few) };
  const shown = await alternately(
    PAGES,
    (round) => show(many, ids.many[round % ids.many.length]!),
    (round) => show(few, ids.few[round % ids.few.length]!),
  );
  printPair(`a package and why it stays, ${MANY} packages`, shown.ours, shown.peer, `with ${FEW}`);
  await sweep(many);
  await sweep(few);
  const swept = await alternately(
    SWEEPS,
    () => sweep(many),
    () => sweep(few),
    async () => {
      await letGo(many);
      await letGo(few);
    },
  );
  printPair(`a sweep that finds ${DUE} of ${MANY} packages`, swept.ours, swept.peer, `of ${FEW}`);
  await many.close();
  await few.close();
});

interface Site {
  readonly registry: Registry;
  readonly database: Database;
  close(): Promise<void>;
}

async function storeWith(directory: string, packages: number): Promise<Site> {
  mkdirSync(directory);
  const database = await openSqliteDatabase({
    path: join(directory, "dist.db"),
    create: true,
    clock: systemClock,
  });
  for (let first = 0; first < packages; first += PACKAGES_PER_TRANSACTION) {
    await record(database, first, first + PACKAGES_PER_TRANSACTION, 180 * DAY_MS);
  }
  const store = await openBenchStore(directory);
  return {
    registry: store.as(localPrincipal("bench")),
    database,
    close: async () => {
      await store.close();
      await database.close();
    },
  };
}

/** Creates packages whose period ends `periodMs` from now. */
async function record(database: Database, first: number, last: number, periodMs: number): Promise<void> {
  await database.write(actor, async (tx) => {
    for (let number = first; number < last; number += 1) {
      const id = newId("pkg");
      const created_at = toTimestamp(tx.nowMs - (number % 1_000));
      await tx.record({
        type: "v1.package.created",
        subject: id,
        data: {
          app_id: null,
          package_id: id,
          kind: "run",
          producer: `board-${number % 4}`,
          subject: `subject-${number % 100}`,
          retention_class: "raw-evidence",
          metadata: { run: `run-${number}`, target: `target-${number % 1_000}`, findings: number % 7 },
          key: null,
          created_at,
        },
      });
      await tx.record({
        type: "v1.retention.default_applied",
        subject: id,
        data: {
          app_id: null,
          package_id: id,
          retention_class: "raw-evidence",
          expires_at: toTimestamp(tx.nowMs + periodMs),
        },
      });
    }
  });
}

/** Some more whose period ends at once. */
async function letGo({ database }: Site): Promise<void> {
  await record(database, 0, DUE, 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
}

async function page({ registry }: Site, filter: PackageFilter): Promise<void> {
  await registry.listPackages({ ...filter, limit: 50 });
}

async function show({ registry }: Site, id: string): Promise<void> {
  await registry.getPackage(id);
  await registry.getRetention(id);
}

async function sweep({ registry }: Site): Promise<void> {
  await registry.sweepRetention();
}

async function someIds({ registry }: Site): Promise<readonly string[]> {
  return (await registry.listPackages({ limit: 1_000 })).items.map(({ id }) => id);
}

async function alternately(
  rounds: number,
  ours: (round: number) => Promise<void>,
  peer: (round: number) => Promise<void>,
  before: () => Promise<void> = async () => {},
): Promise<{ ours: number[]; peer: number[] }> {
  const times = { ours: [] as number[], peer: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    await before();
    times.ours.push(await timeWork(() => ours(round)));
    times.peer.push(await timeWork(() => peer(round)));
  }
  return times;
}

function percentile(values: readonly number[], part: number): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length * part)]!;
}
