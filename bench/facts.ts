/**
 * What the console's pages ask of a large store: decisions, statistics, storage use, the check of a promotion. Rows are written into the
 * tables as a log of this size would leave them; the same questions to a store a hundred times smaller stand beside.
 */
import { join } from "node:path";

import { localPrincipal } from "../src/registry/principal.ts";
import type { Registry } from "../src/registry/registry.ts";
import { inTemporaryDirectory, printPair, timeWork } from "./measure.ts";
import { FEW, makeStoreOfSize, MANY, type Size } from "./sized-store.ts";
import { openBenchStore } from "./stores.ts";

const ROUNDS = 50;
const WARM_UP = 5;

await inTemporaryDirectory(async (directory) => {
  const many = await storeOf(join(directory, "many"), MANY);
  const few = await storeOf(join(directory, "few"), FEW);
  const questions: readonly (readonly [string, (registry: Registry) => Promise<unknown>])[] = [
    ["what needs a decision", (r) => r.storeDecisions()],
    ["an app's statistics, 30 days", (r) => r.appStatistics("app-7")],
    ["an app's statistics, 400 days", (r) => r.appStatistics("app-7", { days: 400 })],
    ["the store's statistics, 30 days", (r) => r.storeStatistics()],
    ["the store's statistics, 400 days", (r) => r.storeStatistics({ days: 400 })],
    ["storage use", (r) => r.storageUsage()],
    ["a promotion's check", (r) => r.checkPromotion("app-7", "stable", { release: "1.0" })],
  ];
  for (const [name, ask] of questions) {
    const times = { many: [] as number[], few: [] as number[] };
    for (let round = -WARM_UP; round < ROUNDS; round += 1) {
      const [inMany, inFew] = [await timeWork(() => ask(many)), await timeWork(() => ask(few))];
      if (round < 0) continue;
      times.many.push(inMany);
      times.few.push(inFew);
    }
    printPair(name, times.many, times.few, "a hundredth of it");
  }
});

async function storeOf(directory: string, size: Size): Promise<Registry> {
  await makeStoreOfSize(directory, size);
  return (await openBenchStore(directory)).as(localPrincipal("bench"));
}
