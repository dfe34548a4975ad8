import { type Logger, pino, stdTimeFunctions } from "pino";

/** A log of one JSON object per line, with RFC 3339 times and levels by name. `write` gets whole lines. */
export function createLogger(write: (line: string) => void): Logger {
  return pino(
    {
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
}

/** A request's address as logs may have it: query strings carry the secrets of share links and signed URLs. */
export function loggedPath(url: string): string {
  const { pathname, search } = new URL(url);
  return search === "" ? pathname : `${pathname}?[redacted]`;
}
