import { spawnSync } from "node:child_process";
import { accessSync, appendFileSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";

/** Where workers note what they did not run, for `vitest-global.ts` to name at the end. */
export const NOT_RUN_FILE = "DIST_TEST_NOT_RUN";

type Suite = (name: string, body: () => void | Promise<void>) => void;

/**
 * `describe` for tests that need more than Node: commands on the PATH, `procfs` (Linux), `tmpfs` (a file system may be mounted).
 * Where something is missing they are not run, and the run ends by naming them; with `DIST_TEST_SERVICES=required` that is
 * a failure instead, so that the machine that must run everything cannot skip anything unseen.
 *
 * @example
 * needs("strace")("a publish that is killed", () => { it(…) });
 */
export function needs(...tools: readonly string[]): Suite {
  const missing = tools.filter((tool) => !isAvailable(tool));
  if (missing.length === 0) return (name, body) => void describe(name, body);
  const what = missing.join(", ");
  if (process.env["DIST_TEST_SERVICES"] === "required") {
    return (name) =>
      void describe(name, () => {
        it(`has ${what}`, () => {
          throw new Error(`Not installed or not allowed here: ${what}.`);
        });
      });
  }
  return (name, body) => {
    const file = process.env[NOT_RUN_FILE];
    if (file !== undefined) appendFileSync(file, `${name} (needs ${what})\n`);
    describe.skip(name, body);
  };
}

function isAvailable(tool: string): boolean {
  if (tool === "tmpfs") return canMountTmpfs();
  return tool === "procfs" ? existsSync("/proc/self/status") : isOnPath(tool);
}

function isOnPath(command: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function canMountTmpfs(): boolean {
  if (process.getuid?.() !== 0 || !isOnPath("mount") || !isOnPath("umount")) return false;
  const directory = mkdtempSync(join(tmpdir(), "dist-mount-"));
  try {
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]).status !== 0) return false;
    return spawnSync("umount", [directory]).status === 0;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
