import { type Logger, pino, stdTimeFunctions } from "pino";

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
