/** Publishing a small artifact into a store with many releases, against the same with few. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { systemClock } from "../src/base/clock.ts";
import { openSqliteDatabase } from "../src/catalog/sqlite/sqlite-database.ts";
import { openStore, type Store } from "../src/registry/open-store.ts";
import { localPrincipal } from "../src/registry/principal.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { inTemporaryDirectory, printPair, timeWork } from "./measure.ts";
import { recordReleases } from "./synthetic-log.ts";

const MANY_RELEASES = 100_000;
const FEW_RELEASES = 100;
const EVENTS_PER_RELEASE = 8;
const PUBLICATIONS = 200;
const WARM_UP = 20;

await inTemporaryDirectory(async (directory) => {
  const many = await storeWith(join(directory, "many"), MANY_RELEASES);
  const few = await storeWith(join(directory, "few"), FEW_RELEASES);
  const ours: number[] = [];
  const peer: number[] = [];
  for (let number = -WARM_UP; number < PUBLICATIONS; number += 1) {
    const inMany = await timeWork(() => publish(many, number));
    const inFew = await timeWork(() => publish(few, number));
    if (number >= 0) {
      ours.push(inMany);
      peer.push(inFew);
    }
  }
  await many.close();
  await few.close();
  printPair(`publish with ${MANY_RELEASES} releases`, ours, peer, `with ${FEW_RELEASES}`);
});

async function storeWith(directory: string, releases: number): Promise<Store> {
  mkdirSync(directory);
  const database = await openSqliteDatabase({
    path: join(directory, "dist.db"),
    create: true,
    clock: systemClock,
  });
  await recordReleases(database, "acme", releases * EVENTS_PER_RELEASE);
  await database.close();
  const { store: settings } = await loadConfig({ directory, env: {} });
  return openStore({ directory, create: false, settings });
}

async function publish(store: Store, number: number): Promise<void> {
  const registry = store.as(localPrincipal("bench"));
  const bytes = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.from(`release ${number}`)]);
  const { sha256 } = await registry.uploadObject({
    open: async function* () {
      yield bytes;
    },
  });
  await registry.publish({
    app: "acme",
    version: `2.${number + WARM_UP}`,
    channel: "beta",
    artifacts: [{ platform: "linux", filename: "tool.tar.gz", sha256 }],
  });
}
