/** Publishing a small artifact into a store with many releases, against the same with few. */
import { join } from "node:path";

import type { Store } from "../src/registry/open-store.ts";
import { localPrincipal } from "../src/registry/principal.ts";
import { inTemporaryDirectory, printPair, timeWork } from "./measure.ts";
import { makeStoreWithReleases, openBenchStore, tarGz } from "./stores.ts";

const MANY_RELEASES = 100_000;
const FEW_RELEASES = 100;
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
  await makeStoreWithReleases(directory, releases);
  return openBenchStore(directory);
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
