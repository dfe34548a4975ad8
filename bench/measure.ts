import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The program as built. */
export const program = fileURLToPath(new URL("../build/main/dist.js", import.meta.url));

/** Runs `work` in a directory of its own, removed afterwards. */
export async function inTemporaryDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "dist-bench-"));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs a command to its end, with nothing but the PATH and `env` in its environment, and answers its wall time in milliseconds. Raises when it fails. */
export function timeCommand(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], ...env },
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return performance.now() - start;
}

/** Answers the wall time of `work` in milliseconds. */
export async function timeWork(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)]!;
}

/** Prints one figure beside its peer's, both medians of runs that alternated. */
export function printPair(
  what: string,
  ours: readonly number[],
  peer: readonly number[],
  peerName: string,
): void {
  const ratios = ours.map((value, index) => value / peer[index]!);
  console.log(
    `${what}: ${milliseconds(median(ours))}; ${peerName}: ${milliseconds(median(peer))}; ` +
      `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}, ` +
      `${ours.length} pairs)`,
  );
}

/** Prints one rate beside its peer's, both medians of runs that alternated: things a second, or bytes as MB/s. */
export function printRatePair(
  what: string,
  ours: readonly number[],
  peer: readonly number[],
  peerName: string,
  unit: "req/s" | "files/s" | "MB/s" = "req/s",
): void {
  const shown = (values: readonly number[]) =>
    `${Math.round(median(values) / (unit === "MB/s" ? 1e6 : 1))} ${unit}`;
  const ratios = ours.map((value, index) => value / peer[index]!);
  console.log(
    `${what}: ${shown(ours)}; ${peerName}: ${shown(peer)}; ` +
      `${median(ratios).toFixed(2)} times (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}, ` +
      `${ours.length} pairs)`,
  );
}

function milliseconds(value: number): string {
  return value < 1000 ? `${value.toFixed(1)} ms` : `${(value / 1000).toFixed(2)} s`;
}
