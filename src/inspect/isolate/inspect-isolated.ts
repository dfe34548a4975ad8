import { availableParallelism } from "node:os";

import type { RandomAccess } from "../../base/random-access.ts";
import { finding } from "../findings.ts";
import type { DeclaredArtifact, Inspect, Inspection } from "../inspection.ts";
import { inspectArtifact } from "../inspect-artifact.ts";
import { InspectorThread, type Outcome } from "./inspector-thread.ts";

/** Time for what is read of any file, and for each byte that a full check reads: 16 MB/s, slower than any store. */
const BASE_DEADLINE_MS = 30_000;
const DEADLINE_MS_PER_MIB = 64;
/** A thread without work for so long ends, and its memory is free. */
const IDLE_MS = 10_000;

const idle: InspectorThread[] = [];
const queue: (() => void)[] = [];
let running = 0;

/**
 * `inspectArtifact` in a thread of its own, of which there are as many as processors. A file that keeps its thread busy past the
 * deadline, or fills its memory, gets the finding `validation.inspection_timeout` or `validation.inspection_crashed`; the thread is
 * replaced. Idle threads do not keep the process alive.
 */
export const inspectIsolated: Inspect = async (bytes, declared, options) => {
  const deadlineMs = BASE_DEADLINE_MS + (bytes.sizeBytes / 2 ** 20) * DEADLINE_MS_PER_MIB;
  return runIsolated(bytes, declared, options, deadlineMs);
};

/** The same with a deadline given. */
export async function runIsolated(
  bytes: RandomAccess,
  declared: DeclaredArtifact,
  options: Parameters<Inspect>[2],
  deadlineMs: number,
): Promise<Inspection> {
  if (running >= availableParallelism()) await new Promise<void>((resolve) => queue.push(resolve));
  running += 1;
  const thread = idle.pop() ?? new InspectorThread();
  try {
    const outcome = await thread.inspect(bytes, declared, options, deadlineMs);
    if (outcome.kind === "inspected") return outcome.inspection;
    return await stopped(outcome, declared, options);
  } finally {
    running -= 1;
    if (thread.isAlive) rest(thread);
    queue.shift()?.();
  }
}

function rest(thread: InspectorThread): void {
  idle.push(thread);
  thread.endAfter(IDLE_MS, () => void idle.splice(idle.indexOf(thread), 1));
}

/** What is said of a file that stopped its thread: as much as its name tells, and that it did. */
async function stopped(
  outcome: Exclude<Outcome, { kind: "inspected" }>,
  declared: DeclaredArtifact,
  options: Parameters<Inspect>[2],
): Promise<Inspection> {
  const empty: RandomAccess = { sizeBytes: 0, read: async () => new Uint8Array(0), close: async () => {} };
  const named = await inspectArtifact(empty, declared, options);
  const what =
    outcome.kind === "timeout"
      ? finding("validation.inspection_timeout", "Looking inside the file took too long and was given up.")
      : finding("validation.inspection_crashed", `Looking inside the file failed: ${outcome.fault}`);
  return { ...named, findings: [what], status: "failed" };
}
