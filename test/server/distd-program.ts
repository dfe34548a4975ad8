import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";

import { expect, vi } from "vitest";

const distd = fileURLToPath(new URL("../../build/main/distd.js", import.meta.url));

/** How the first administrator token is shown, on standard error. */
export const SHOWN = /^First administrator token, shown this once: (dist_[0-9a-f]{64})$/m;

/** A `distd` that a test started. */
export interface Program {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** The lines of the log so far. */
  log(): readonly LogLine[];
  /** Resolves to the first line of the log with this message that the filter lets through, once there is one. */
  line(msg: string, filter?: (line: LogLine) => boolean): Promise<LogLine>;
  /** The first administrator token, when it was shown. */
  secret(): string | undefined;
  /** The address it listens on, once it does. */
  readonly url: Promise<string>;
  /** The exit code, once it and every process that writes to its standard output are gone. */
  readonly code: Promise<number | null>;
}

export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [key: string]: unknown;
}

const running = new Map<ChildProcess, Promise<unknown>>();

/** Starts `distd` with these arguments; `ownGroup` makes it the head of a process group, as a shell does. */
export function run(
  args: readonly string[],
  env: Record<string, string> = {},
  { ownGroup = false } = {},
): Program {
  const child = spawn(process.execPath, ["--no-warnings", distd, ...args], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: ownGroup,
  });
  let [stdout, stderr] = ["", ""];
  const url = Promise.withResolvers<string>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    const line = stdout.split("\n").find((one) => one.includes('"listening"'));
    if (line !== undefined) url.resolve((JSON.parse(line) as { url: string }).url);
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const code = once(child, "close").then(([value]) => {
    running.delete(child);
    url.reject(new Error(`It ended: ${stdout}${stderr}`));
    return value as number | null;
  });
  running.set(child, code);
  url.promise.catch(() => {});
  // What comes after the last line break is no line yet.
  const log = () =>
    stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  return {
    child,
    url: url.promise,
    code,
    stdout: () => stdout,
    stderr: () => stderr,
    secret: () => SHOWN.exec(stderr)?.[1],
    log,
    line: (msg, filter = () => true) =>
      eventually(() => {
        const found = log().find((line) => line.msg === msg && filter(line));
        if (found === undefined) throw new Error(`No line "${msg}" in the log:\n${stdout}${stderr}`);
        return found;
      }),
  };
}

/** Kills what still runs; resolves when it is gone, with its workers. */
export async function killAll(): Promise<void> {
  for (const child of running.keys()) child.kill("SIGKILL");
  await Promise.all(running.values());
}

/** Resolves to what `look` answers as soon as it does not throw; 50 s at most. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 50_000, interval: 50 });
}

/** Begins an upload of 6 bytes; the server has taken it up, and got 3 of them. */
export async function beginUpload(url: string, secret: string | undefined) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1").setEncoding("utf8");
  let received = "";
  socket.on("data", (chunk: string) => (received += chunk));
  const lines = [
    "POST /api/upload HTTP/1.1",
    "Host: a",
    `Authorization: Bearer ${secret}`,
    "Content-Type: application/octet-stream",
    "Content-Length: 6",
    "Expect: 100-continue",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  await eventually(() => expect(received).toContain("100 Continue"));
  socket.write("abc");
  return {
    /** Sends the rest. */
    finish: () => void socket.write("def"),
    received: () => received,
  };
}
