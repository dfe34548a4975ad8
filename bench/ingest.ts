/**
 * A directory of 10,000 files of 4 KiB as a package in a local store, hashed twice over and durable, against what does no more than it
 * must (`sha256sum`, `cp -r`, `sync`) and against the nearest thing that everybody has: `git add` with its objects synced.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { inTemporaryDirectory, printRatePair, program, timeCommand } from "./measure.ts";

const FILES = 10_000;
const FILE_BYTES = 4096;
const FILES_A_DIRECTORY = 100;
const PAIRS = 5;

await inTemporaryDirectory(async (directory) => {
  const run = join(directory, "run");
  writeFiles(run);
  const [store, copy] = [join(directory, "store"), join(directory, "copy")];
  const git = join(directory, "git");
  const rates = { ours: [] as number[], copied: [] as number[], git: [] as number[] };
  for (let pair = 0; pair < PAIRS; pair += 1) {
    rates.ours.push(
      filesPerSecond(process.execPath, [program, "package", "ingest", run, "--local-store", store]),
    );
    rates.copied.push(
      filesPerSecond("sh", [
        "-c",
        `find "${run}" -type f -print0 | xargs -0 sha256sum >"${directory}/sums" && cp -r "${run}" "${copy}" && sync`,
      ]),
    );
    timeCommand("git", ["init", "-q", git]);
    // Objects as they are, and synced as git does it best.
    const settings = [
      "core.fsync=loose-object",
      "core.fsyncMethod=batch",
      "core.compression=0",
      "core.autocrlf=false",
    ];
    rates.git.push(
      filesPerSecond("git", [
        "--git-dir",
        join(git, ".git"),
        "--work-tree",
        run,
        ...settings.flatMap((setting) => ["-c", setting]),
        "add",
        ".",
      ]),
    );
    for (const made of [store, copy, git]) rmSync(made, { recursive: true });
  }
  printRatePair(
    "ingest 10,000 files of 4 KiB",
    rates.ours,
    rates.copied,
    "sha256sum, cp -r and sync",
    "files/s",
  );
  printRatePair("ingest 10,000 files of 4 KiB", rates.ours, rates.git, "git add, synced", "files/s");
});

function filesPerSecond(command: string, args: readonly string[]): number {
  // What was written before is not to be paid for by this run.
  timeCommand("sync", []);
  return FILES / (timeCommand(command, args) / 1000);
}

function writeFiles(run: string): void {
  for (let index = 0; index < FILES; index += 1) {
    const below = join(run, "raw", String(Math.floor(index / FILES_A_DIRECTORY)));
    if (index % FILES_A_DIRECTORY === 0) mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `${index}.http`), randomBytes(FILE_BYTES));
  }
}
