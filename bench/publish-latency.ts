/** Publishing a small artifact into a store with a million events, against the same with a thousand, on both engines. */
import { join } from "node:path";

import type { Store } from "../src/registry/open-store.ts";
import { localPrincipal } from "../src/registry/principal.ts";
import { inTemporaryDirectory, printPair, timeWork } from "./measure.ts";
import { requirePrograms } from "./servers.ts";
import { environmentOf, schemaIn, startPostgres } from "./services.ts";
import { makeStoreWithReleases, openBenchStore, tarGz } from "./stores.ts";
import { EVENTS_PER_RELEASE } from "./synthetic-log.ts";

const MANY_EVENTS = 1_000_000;
const FEW_EVENTS = 1_000;
const PUBLICATIONS = 200;
const WARM_UP = 20;

requirePrograms("psql");

await inTemporaryDirectory(async (directory) => {
  await compare("SQLite", (name, events) => storeWith(join(directory, name), events));
  const postgres = startPostgres();
  await compare("PostgreSQL", (name, events) =>
    storeWith(join(directory, `on-postgres-${name}`), events, schemaIn(postgres, name)),
  );
});

async function compare(
  engine: string,
  make: (name: string, events: number) => Promise<Store>,
): Promise<void> {
  const many = await make("many", MANY_EVENTS);
  const few = await make("few", FEW_EVENTS);
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
  printPair(`publish with ${MANY_EVENTS} events on ${engine}`, ours, peer, `with ${FEW_EVENTS}`);
}

async function storeWith(directory: string, events: number, postgres?: string): Promise<Store> {
  await makeStoreWithReleases(directory, Math.ceil(events / EVENTS_PER_RELEASE), postgres);
  return openBenchStore(directory, {
    env: environmentOf(postgres === undefined ? {} : { database: postgres }),
  });
}

async function publish(store: Store, number: number): Promise<void> {
  const registry = store.as(localPrincipal("bench"));
  const { sha256 } = await registry.uploadObject({
    open: async function* () {
      yield tarGz(`release ${number}`);
    },
  });
  await registry.publish({
    app: "acme",
    version: `2.${number + WARM_UP}`,
    channel: "beta",
    artifacts: [{ platform: "linux", filename: "tool.tar.gz", sha256 }],
  });
}
