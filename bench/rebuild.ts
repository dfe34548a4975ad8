/** `store rebuild` of a long log: events per second, every hash checked. */
import { join } from "node:path";

import { systemClock } from "../src/base/clock.ts";
import { rebuildViews } from "../src/catalog/rebuild.ts";
import { openSqliteDatabase } from "../src/catalog/sqlite/sqlite-database.ts";
import { inTemporaryDirectory, timeWork } from "./measure.ts";
import { recordReleases } from "./synthetic-log.ts";

const EVENTS = 1_000_000;

await inTemporaryDirectory(async (directory) => {
  const database = await openSqliteDatabase({
    path: join(directory, "dist.db"),
    create: true,
    clock: systemClock,
  });
  const events = await recordReleases(database, "large", EVENTS);
  let ok = false;
  const ms = await timeWork(async () => {
    const result = await rebuildViews(database);
    ok = result.events === events && result.differing.length === 0 && result.logProblems.length === 0;
  });
  await database.close();
  if (!ok) throw new Error("The rebuild found differences.");
  console.log(`rebuild: ${Math.round(events / (ms / 1000))} events/s over ${events} events, hashes checked`);
});
