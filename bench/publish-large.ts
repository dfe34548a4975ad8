/** Publishing a large artifact into a directory, against `sha256sum FILE` and then `cp FILE && sync`. */
import { randomFillSync } from "node:crypto";
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

import { tarEntry, tarFile } from "../src/inspect/inspect-fixtures.ts";
import { inTemporaryDirectory, printPair, program, timeCommand } from "./measure.ts";

const SIZE_BYTES = 1024 ** 3;
const PAIRS = 5;

await inTemporaryDirectory(async (directory) => {
  const artifact = join(directory, "large.tar");
  const manifest = join(directory, "dist.json");
  writeRandomTar(artifact);
  const artifacts = [{ platform: "linux", path: "large.tar" }];
  writeFileSync(manifest, JSON.stringify({ app: "large", version: "1", artifacts }));
  const ours: number[] = [];
  const peer: number[] = [];
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const store = join(directory, "store");
    const copy = join(directory, "copy");
    timeCommand("sync", []);
    ours.push(
      timeCommand(process.execPath, [
        program,
        "ci",
        "publish",
        "--manifest",
        manifest,
        "--local-store",
        store,
      ]),
    );
    rmSync(store, { recursive: true });
    timeCommand("sync", []);
    peer.push(timeCommand("sh", ["-c", `sha256sum "${artifact}" && cp "${artifact}" "${copy}" && sync`]));
    rmSync(copy);
  }
  printPair("publish 1 GiB", ours, peer, "sha256sum, then cp and sync");
});

function writeRandomTar(path: string): void {
  const chunk = Buffer.alloc(4 * 1024 * 1024);
  const file = openSync(path, "w");
  for (let offset = 0; offset < SIZE_BYTES; offset += chunk.length) {
    randomFillSync(chunk);
    // One entry without content; what follows the end of an archive does not matter.
    if (offset === 0) chunk.set(tarFile(tarEntry("large", "")));
    writeSync(file, chunk, 0, chunk.length, offset);
  }
  closeSync(file);
}
