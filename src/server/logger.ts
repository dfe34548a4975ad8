import { type Logger, pino, stdTimeFunctions } from "pino";

import { batchLines } from "./batched-lines.ts";

/** What a request's path may take of a line. A line within `PIPE_BUF` (4,096 bytes) is not torn when several processes write to one pipe. */
const MAX_PATH_CHARACTERS = 1_024;

/**
 * A log of one JSON object per line, with RFC 3339 times and levels by name. `write` gets whole lines; `base` stands in every one
 * of them.
 */
export function createLogger(write: (line: string) => void, base: object | null = null): Logger {
  return pino(
    {
      base,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
}

/** A request's address as logs may have it: query strings carry the secrets of share links and signed URLs. */
export function loggedPath(url: string): string {
  const { pathname: whole, search } = new URL(url);
  const pathname = whole.length > MAX_PATH_CHARACTERS ? `${whole.slice(0, MAX_PATH_CHARACTERS)}…` : whole;
  return search === "" ? pathname : `${pathname}?[redacted]`;
}

/** The log of a process: lines are collected for a turn of the event loop, and none is lost when the process ends. */
export function startLog(
  write: (lines: string) => void,
  base: object | null = null,
): { readonly log: Logger; readonly flush: () => void } {
  const lines = batchLines(write);
  process.once("exit", lines.flush);
  return { log: createLogger(lines.write, base), flush: lines.flush };
}
