/**
 * `npm start [-- --port N]`: a running server on a fresh store with the example published into it. Prints where it is, and its
 * first administrator token, once. Ctrl-C stops it.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { writeExample } from "./example.ts";

const build = (name: string) => fileURLToPath(new URL(`../build/main/${name}.js`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "dist-example-"));
const store = join(directory, "store");

const server = spawn(process.execPath, [build("distd"), "--local-store", store, ...process.argv.slice(2)], {
  stdio: ["ignore", "pipe", "inherit"],
});
// A stop is the server's to handle; this process ends when it has.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => server.kill(signal));
const ended = once(server, "exit");

for await (const line of createInterface({ input: server.stdout })) {
  const entry = JSON.parse(line) as { msg?: string; url?: string };
  if (entry.msg === "listening" && entry.url !== undefined) await welcome(entry.url);
}
const [code] = (await ended) as [number | null];
process.exitCode = code ?? 1;

async function welcome(url: string): Promise<void> {
  const manifest = await writeExample(join(directory, "out"));
  const publish = ["ci", "publish", "--manifest", manifest, "--local-store", store];
  process.stdout.write(execFileSync(process.execPath, [build("dist"), ...publish]));
  console.log(`
dist runs at ${url}, on the store ${store}.

  ${url}/install/api-demos/beta               the install page of the example
  ${url}/download/api-demos/beta/android_apk  always its current APK
  ${url}/openapi.json                         the API
  ${url}/admin/                               the console: sign in with the token

With the token printed above:

  export DIST_SERVER=${url} DIST_TOKEN=dist_…
  npm run -s dist -- release list --app api-demos

Ctrl-C stops it.`);
}
