import { existsSync } from "node:fs";
import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const IN_MEMORY = "/dev/shm";

/**
 * A new directory, in memory where the machine has such a place: for tests that make hundreds of stores and pull no power
 * plug, where waiting for the disk at each sync proves nothing.
 */
export async function makeRoot(): Promise<string> {
  const parent = existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir();
  return realpath(await mkdtemp(join(parent, "dist-faults-")));
}
