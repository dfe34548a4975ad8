import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";

import * as programs from "../../src/cli/programs.ts";
import { main } from "../../src/cli/run.ts";

/** The program as it is shipped. */
const DIST = join(import.meta.dirname, "../../build/main/dist.js");

export interface ProgramRun {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as the one JSON value that it must be. */
  readonly json: any;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What stands before `node`: `["strace", "-f", …]`. */
  readonly under?: readonly string[];
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
  readonly uid?: number;
  /** Told the process once it was started. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs `dist` as a process of its own. */
export function dist(args: readonly string[], options: ProgramOptions = {}): Promise<ProgramRun> {
  return runNode([...(options.nodeOptions ?? []), DIST, ...args], options);
}

/** Runs Node with these arguments. */
export async function runNode(
  nodeArgs: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramRun> {
  const [command, ...args] = [...(options.under ?? []), process.execPath, ...nodeArgs];
  const child = spawn(command!, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], ...options.env },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  options.onStart?.(child);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return ran(child.exitCode, child.signalCode, stdout, stderr);
}

/** Runs `dist` inside this process: for the looks at a store between faults, where starting a program takes too long. */
export async function distHere(args: readonly string[]): Promise<ProgramRun> {
  const stdout = collector();
  const stderr = collector();
  const code = await main({
    serve: async () => {},
    argv: args,
    program: programs.dist,
    env: {},
    streams: { stdin: () => process.stdin, stdout, stderr },
    directory: "/",
    signal: new AbortController().signal,
  });
  return ran(code, null, stdout.text(), stderr.text());
}

function ran(code: number | null, signal: NodeJS.Signals | null, stdout: string, stderr: string): ProgramRun {
  return {
    code,
    signal,
    stdout,
    stderr,
    get json() {
      return JSON.parse(stdout);
    },
  };
}

function collector(): Writable & { text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return Object.assign(stream, { text: () => Buffer.concat(chunks).toString() });
}
