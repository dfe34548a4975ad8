/** `npm start`: publishes the example into a fresh store and shows what came of it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { writeExample } from "./example.ts";

const program = fileURLToPath(new URL("../build/main/dist.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "dist-example-"));
const store = join(directory, "store");
const manifest = await writeExample(join(directory, "out"));

dist("ci", "publish", "--manifest", manifest, "--local-store", store);
dist("release", "show", "5.0.0", "--app", "api-demos", "--local-store", store);
dist("channel", "show", "--app", "api-demos", "--channel", "beta", "--local-store", store);
dist("store", "verify", "--local-store", store);
console.log(`
The store is ${store}: dist.db holds the log and its views, objects/ the bytes. Go on with it:

  export DIST_STORE=${store}
  npm run -s dist -- app show --app api-demos
  npm run -s dist -- audit list
  npm run -s dist -- --help
`);

function dist(...args: string[]): void {
  console.log(`\n$ dist ${args.join(" ")}`);
  const { status } = spawnSync(process.execPath, [program, ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
