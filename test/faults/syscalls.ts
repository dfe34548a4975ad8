import type { ChildProcess } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import { delay } from "../../src/base/async.ts";
import { dist, type ProgramRun } from "./program.ts";

/** The system calls by which files, and what directories hold, are changed or made durable. */
const CHANGING = [
  "pwrite64,write,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,ftruncate,truncate,fallocate",
  "link,linkat,symlink,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,fchown,chmod,fchmod",
].join();

/** Longer than a test takes. */
const FOR_EVER_US = 3600 * 1_000_000;

/** One system call of a recorded run. It began and ended at these lines of the trace. */
export interface Syscall {
  readonly name: string;
  readonly thread: string;
  /** Those below the store, relative to it; `.` is the store itself. */
  readonly paths: readonly string[];
  /** It wrote to standard output: the answer. */
  readonly isAnswer: boolean;
  readonly began: number;
  readonly ended: number;
}

/** What a traced command works on. */
export interface Subject {
  readonly store: string;
  readonly args: readonly string[];
  /** The time in that process, so that the paths it makes are the same every time. */
  readonly nowMs: number;
}

/**
 * One thread does all file calls of the main thread's event loop, so that they come in one order, and strace, which
 * counts per thread, counts them all. It stops the program at the calls of interest only (`--seccomp-bpf`).
 */
function underStrace(
  subject: Subject,
  options: readonly string[],
  onStart: (strace: ChildProcess) => void = () => {},
): Promise<ProgramRun> {
  return dist(subject.args, {
    under: ["strace", "-f", "--seccomp-bpf", "-s", "0", ...options],
    nodeOptions: ["--import", join(import.meta.dirname, "fixed-ids.ts")],
    env: {
      UV_THREADPOOL_SIZE: "1",
      FIXED_TIME_MS: String(subject.nowMs),
      NODE_COMPILE_CACHE: join(dirname(subject.store), "compile-cache"),
    },
    onStart,
  });
}

/** Runs the command undisturbed and answers every call that changed something of the store, and those that answered. */
export async function record(subject: Subject): Promise<Syscall[]> {
  const output = `${subject.store}.trace`;
  const run = await underStrace(subject, ["-y", "-o", output, "-e", `trace=${CHANGING}`]);
  if (run.code !== 0) throw new Error(`The command must succeed undisturbed: ${run.stdout}${run.stderr}`);
  return parseTrace(await readFile(output, "utf8"), subject.store);
}

/**
 * Ends the process with SIGKILL as it makes its `nth` such call on the path: strace holds it before the call and says so,
 * and the signal comes from here. (strace's own `signal=SIGKILL` needs a stop at every system call, which is three times
 * as slow.)
 */
export async function kill(subject: Subject, { name, path, nth }: Point): Promise<ProgramRun> {
  const trace = `${subject.store}.${name}`;
  const run = await underStrace(
    subject,
    ["-o", trace, ...injecting(subject, name, path, `delay_enter=${FOR_EVER_US}:when=${nth}`)],
    (strace) => void killWhenHeld(strace, trace, nth),
  );
  await rm(trace);
  return run;
}

async function killWhenHeld(strace: ChildProcess, trace: string, nth: number): Promise<void> {
  while (strace.exitCode === null) {
    await delay(5);
    const text = await readFile(trace, "utf8").catch(() => "");
    const begun = [...text.matchAll(/^(\d+) +\w+\(/gm)].map(([, thread]) => thread!);
    const held = Object.entries(Object.groupBy(begun, (thread) => thread)).find(
      ([, calls]) => calls!.length === nth,
    );
    if (held === undefined) continue;
    process.kill(Number(held[0]), "SIGKILL");
    // It would wait for the end of the delay. What it held cannot go on: the signal comes first.
    strace.kill("SIGKILL");
    return;
  }
}

/** Lets the `nth` such call on the path fail with this errno. */
export function fail(subject: Subject, { name, path, nth }: Point, errno: string): Promise<ProgramRun> {
  const what = `error=${errno}:when=${nth}`;
  return underStrace(subject, ["-o", "/dev/null", ...injecting(subject, name, path, what)]);
}

function injecting(subject: Subject, name: string, path: string, what: string): string[] {
  return ["-P", join(subject.store, path), "-e", `trace=${name}`, "-e", `inject=${name}:${what}`];
}

/** The `nth` call of a name on a path, counted from 1. */
export interface Point {
  readonly name: string;
  readonly path: string;
  readonly nth: number;
}

/** Every call on every path, and one more of each, which a run does not come to. */
export function pointsOf(calls: readonly Syscall[]): { reached: Point[]; beyond: Point[] } {
  const counts = new Map<string, { name: string; path: string; byThread: Map<string, number> }>();
  for (const { name, thread, paths } of calls) {
    const [path] = paths;
    if (path === undefined) continue;
    const key = `${name} ${path}`;
    const entry = counts.get(key) ?? { name, path, byThread: new Map() };
    entry.byThread.set(thread, (entry.byThread.get(thread) ?? 0) + 1);
    counts.set(key, entry);
  }
  const reached: Point[] = [];
  const beyond: Point[] = [];
  for (const { name, path, byThread } of counts.values()) {
    const count = Math.max(...byThread.values());
    for (let nth = 1; nth <= count; nth++) reached.push({ name, path, nth });
    beyond.push({ name, path, nth: count + 1 });
  }
  return { reached, beyond };
}

/** `pwrite64 341, fsync 22`: for the test's output. */
export function describePoints(points: readonly Point[]): string {
  const counts = Object.groupBy(points, ({ name }) => name);
  return Object.entries(counts)
    .map(([name, list]) => `${name} ${list!.length}`)
    .join(", ");
}

/** Does the work for every item, two at a time; after a failure begins no more, and waits for what is under way. */
export async function inPairs<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      await work(item).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) return;
    }
  };
  await Promise.all([worker(), worker()]);
  if (failures.length > 0) throw failures[0];
}

/** Lines are `PID call(args…) = result`, or that in two parts when another thread came between. */
function parseTrace(trace: string, store: string): Syscall[] {
  const calls: Syscall[] = [];
  const unfinished = new Map<string, Syscall>();
  for (const [line, text] of trace.split("\n").entries()) {
    const [, thread, resumed] = /^(\d+) +(<\.\.\. \w+ resumed>)?/.exec(text) ?? [];
    if (thread === undefined) continue;
    const begun = resumed === undefined ? parseCall(text, thread, line, store) : unfinished.get(thread);
    unfinished.delete(thread);
    if (begun === undefined) continue;
    if (text.endsWith("<unfinished ...>")) unfinished.set(thread, begun);
    else calls.push({ ...begun, ended: line });
  }
  return calls;
}

function parseCall(text: string, thread: string, line: number, store: string): Syscall | undefined {
  const [, name, args] = /^\d+ +(\w+)\((.*)$/.exec(text) ?? [];
  if (name === undefined || args === undefined) return undefined;
  const named = [...args.matchAll(/["<](\/[^">]*)[">]/g)].map(([, path]) => path!);
  const inside = named.filter((path) => path === store || path.startsWith(`${store}/`));
  const isAnswer = name === "write" && args.startsWith("1<") && !args.includes("NULL");
  if (inside.length === 0 && !isAnswer) return undefined;
  const paths = inside.map((path) => relative(store, path) || ".");
  return { name, thread, paths, isAnswer, began: line, ended: line };
}
