/** The console's pages on a large store, made anew for each request, beside a store a hundred times smaller; and how large they are. */
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { inTemporaryDirectory, printPair, program, timeWork } from "./measure.ts";
import { startDistd } from "./servers.ts";
import { FEW, makeStoreOfSize, MANY, type Size } from "./sized-store.ts";

const REQUESTS = 60;
const WARM_UP = 5;
const WANTED_MS = 100;
/** Of a page with all that it loads for the first time: stylesheet, script, fonts. */
const WANTED_BYTES = 150_000;

/** In place of `RELEASE` and `PACKAGE` comes the newest one there is. */
const pages = [
  "/admin/",
  "/admin/apps",
  "/admin/apps/app-7",
  "/admin/apps/app-7/channels/stable",
  "/admin/apps/app-7/channels/stable/promote",
  "/admin/apps/app-7/settings",
  "/admin/apps/app-7/releases/RELEASE",
  "/admin/apps/app-7/releases/RELEASE/compare",
  "/admin/packages",
  "/admin/packages/PACKAGE",
  "/admin/retention",
  "/admin/audit",
  "/admin/audit?action=token.used",
  "/admin/tokens",
  "/admin/search?q=app-7",
  "/admin/search?q=1.0",
  "/admin/settings",
];

const assets = fileURLToPath(new URL("../build/browser/", import.meta.url));
const assetBytes = readdirSync(assets).reduce((sum, name) => sum + statSync(join(assets, name)).size, 0);

await inTemporaryDirectory(async (directory) => {
  const many = await siteOf(join(directory, "many"), MANY);
  const few = await siteOf(join(directory, "few"), FEW);
  for (const path of pages) {
    const times = { many: [] as number[], few: [] as number[] };
    let bytes = 0;
    for (let request = -WARM_UP; request < REQUESTS; request += 1) {
      const inMany = await timeWork(async () => (bytes = assetBytes + (await many.get(path))));
      const inFew = await timeWork(() => few.get(path));
      if (request < 0) continue;
      times.many.push(inMany);
      times.few.push(inFew);
    }
    printPair(path, times.many, times.few, "a hundredth of it");
    const slow = times.many.toSorted((a, b) => a - b)[Math.ceil(REQUESTS * 0.95) - 1]!;
    const verdict = slow <= WANTED_MS && bytes <= WANTED_BYTES ? "met" : "MISSED";
    console.log(`  95 of 100 within ${slow.toFixed(1)} ms, ${bytes} bytes: ${verdict}`);
  }
  await many.stop();
  await few.stop();
});

/** A server on a store of that size, and pages of it as an administrator. */
async function siteOf(directory: string, size: Size) {
  await makeStoreOfSize(directory, size);
  const token = spawnSync(
    process.execPath,
    [program, "token", "create", "--name", "bench", "--scope", "admin", "--local-store", directory, "--json"],
    { encoding: "utf8" },
  );
  const { secret } = JSON.parse(token.stdout) as { secret: string };
  const { url, stop } = await startDistd(directory);
  const signedIn = await fetch(`${url}/admin/sign-in`, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ token: secret }),
  });
  const newest = async (path: string): Promise<string> => {
    const answer = await fetch(`${url}${path}?limit=1`, { headers: { Authorization: `Bearer ${secret}` } });
    const { items } = (await answer.json()) as { items: readonly { id: string }[] };
    return items[0]!.id;
  };
  const release = await newest("/api/apps/app-7/releases");
  const onePackage = await newest("/packages");
  const [cookie] = signedIn.headers.getSetCookie().map((one) => one.split(";", 1)[0]!);
  return {
    stop,
    get: async (template: string): Promise<number> => {
      const path = template.replace("RELEASE", release).replace("PACKAGE", onePackage);
      const answer = await fetch(`${url}${path}`, { headers: { Cookie: cookie!, Accept: "text/html" } });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}.`);
      return Buffer.byteLength(text);
    },
  };
}
