import { connect } from "node:net";

import { expect, vi } from "vitest";

import { type Program as StartedProgram, type StartOptions, startProgram } from "../support/programs.ts";

/** How the first administrator token is shown, on standard error. */
export const SHOWN = /^First administrator token, shown this once: (dist_[0-9a-f]{64})$/m;

/** A `distd` that a test started. */
export interface Program extends StartedProgram {
  /** The lines of the log so far. */
  log(): readonly LogLine[];
  /** Resolves to the first line of the log with this message that the filter lets through, once there is one. */
  line(msg: string, filter?: (line: LogLine) => boolean): Promise<LogLine>;
  /** The first administrator token, when it was shown. */
  secret(): string | undefined;
}

export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [key: string]: unknown;
}

/** Starts `distd` with these arguments. */
export function run(
  args: readonly string[],
  env: Record<string, string> = {},
  options: StartOptions = {},
): Program {
  const program = startProgram("distd", args, env, options);
  // What comes after the last line break is no line yet.
  const log = () =>
    program
      .stdout()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  return {
    ...program,
    secret: () => SHOWN.exec(program.stderr())?.[1],
    log,
    line: (msg, filter = () => true) =>
      eventually(() => {
        const found = log().find((line) => line.msg === msg && filter(line));
        if (found !== undefined) return found;
        throw new Error(`No line "${msg}" in the log:\n${program.stdout()}${program.stderr()}`);
      }),
  };
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
