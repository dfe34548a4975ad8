/** Runs every benchmark, or those named: `npm run bench -- startup rebuild`. Each also runs alone: `node bench/startup.ts`. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const all = [
  "startup",
  "publish-latency",
  "publish-large",
  "ingest",
  "evidence",
  "rebuild",
  "hot-reads",
  "large-store",
  "facts",
  "console",
  "console-live",
  "transfer",
  "upload-memory",
  "engines",
  "object-store",
  "migrate",
  "inspect-ipa",
  "inspect-apk",
];
const named = process.argv.slice(2);
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`No such benchmark: ${unknown.join(", ")}. There are ${all.join(", ")}.`);
  process.exit(2);
}
for (const name of named.length > 0 ? named : all) {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(`${name}.ts`, import.meta.url))], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
