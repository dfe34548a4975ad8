/** A server on a store with many releases, against the same with few: its start, and an app's overview. */
import { join } from "node:path";

import { inTemporaryDirectory, printPair, timeWork } from "./measure.ts";
import { startDistd } from "./servers.ts";
import { makeStoreWithReleases } from "./stores.ts";

const MANY_RELEASES = 100_000;
const FEW_RELEASES = 100;
const STARTS = 9;
const REQUESTS = 300;
const WARM_UP = 100;

await inTemporaryDirectory(async (directory) => {
  const many = join(directory, "many");
  const few = join(directory, "few");
  await makeStoreWithReleases(many, MANY_RELEASES);
  await makeStoreWithReleases(few, FEW_RELEASES);
  const starts = { many: [] as number[], few: [] as number[] };
  for (let start = 0; start < STARTS; start += 1) {
    starts.many.push(await startMs(many));
    starts.few.push(await startMs(few));
  }
  printPair(`start to ready with ${MANY_RELEASES} releases`, starts.many, starts.few, `with ${FEW_RELEASES}`);

  const servers = { many: await startDistd(many), few: await startDistd(few) };
  const times = { many: [] as number[], few: [] as number[] };
  for (let request = -WARM_UP; request < REQUESTS; request += 1) {
    const inMany = await timeWork(() => overview(servers.many.url));
    const inFew = await timeWork(() => overview(servers.few.url));
    if (request < 0) continue;
    times.many.push(inMany);
    times.few.push(inFew);
  }
  await servers.many.stop();
  await servers.few.stop();
  printPair(
    `GET /api/apps/{slug}, made anew, with ${MANY_RELEASES} releases`,
    times.many,
    times.few,
    `with ${FEW_RELEASES}`,
  );
});

async function startMs(store: string): Promise<number> {
  const server = await startDistd(store);
  await server.stop();
  return server.startMs;
}

/** The releases were recorded without their bytes: such an answer is not kept, so each is made anew. */
async function overview(url: string): Promise<void> {
  const response = await fetch(`${url}/api/apps/acme`);
  if (response.status !== 200) throw new Error(`The overview was answered ${response.status}.`);
  await response.arrayBuffer();
}
