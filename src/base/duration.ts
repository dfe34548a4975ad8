import { baseErrors } from "./encoding-errors.ts";

export type DurationUnit = "s" | "m" | "h" | "d" | "w" | "y";

/** A whole positive number of one unit. Years are calendar years; the other units are fixed. */
export interface Duration {
  readonly count: number;
  readonly unit: DurationUnit;
}

const SECOND_MS = 1000;
const DAY_MS = 86_400 * SECOND_MS;

const UNIT_MS = {
  s: SECOND_MS,
  m: 60 * SECOND_MS,
  h: 3600 * SECOND_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
} as const satisfies Record<Exclude<DurationUnit, "y">, number>;

/** Longer is a slip of the keyboard, and a date so reached might not be a date. */
const MAX_YEARS = 1000;
/** 1000 years of the Gregorian calendar, whose 400 years have 146,097 days. */
const MAX_MS = 2.5 * 146_097 * DAY_MS;

/**
 * Reads `30s`, `15m`, `24h`, `7d`, `2w`, `7y`: one whole positive number without leading zeros and one unit.
 *
 * @throws `duration.invalid` for anything else (`1h30m`, `0s`, `1.5h`, `24 h`, `never`) and beyond 1000 years.
 */
export function parseDuration(text: string): Duration {
  const match = /^([1-9][0-9]{0,14})([smhdwy])$/.exec(text);
  if (match === null) throw invalid(text, "is not a duration");
  const duration: Duration = { count: Number(match[1]), unit: match[2] as DurationUnit };
  const isTooLong =
    duration.unit === "y" ? duration.count > MAX_YEARS : duration.count * UNIT_MS[duration.unit] > MAX_MS;
  if (isTooLong) throw invalid(text, `is longer than ${MAX_YEARS} years`);
  return duration;
}

/** As `parseDuration`, with `never` as null: no end. */
export function parseDurationOrNever(text: string): Duration | null {
  return text === "never" ? null : parseDuration(text);
}

/**
 * The time this long after `epochMs`, in milliseconds since the Unix epoch. Years count in the UTC calendar and keep
 * month, day and time of day; 29 February becomes 28 February where the year has none.
 */
export function addDuration(epochMs: number, duration: Duration): number {
  if (duration.unit !== "y") return epochMs + duration.count * UNIT_MS[duration.unit];
  const date = new Date(epochMs);
  const month = date.getUTCMonth();
  date.setUTCFullYear(date.getUTCFullYear() + duration.count);
  // Without a 29th the date has run over into March; day 0 is the last day of the month before.
  if (date.getUTCMonth() !== month) date.setUTCDate(0);
  return date.getTime();
}

/**
 * The length in seconds.
 *
 * @throws `duration.not_fixed` for years, whose length depends on when they start.
 */
export function durationSeconds(duration: Duration): number {
  if (duration.unit === "y") {
    throw baseErrors.error("duration.not_fixed", `${duration.count}y has no fixed number of seconds.`, {
      details: { duration: `${duration.count}y` },
      hint: `Write it in days: ${duration.count * 365}d.`,
    });
  }
  return (duration.count * UNIT_MS[duration.unit]) / SECOND_MS;
}

function invalid(text: string, why: string): Error {
  return baseErrors.error("duration.invalid", `${JSON.stringify(text)} ${why}.`, {
    details: { duration: text },
    hint: "Write a whole number and one unit of s, m, h, d, w, y: for example 24h.",
  });
}

/** A span of seconds in its two largest units: `4 d 4 h`, `35 s`. */
export function durationWords(seconds: number): string {
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  let rest = Math.floor(seconds);
  const words: string[] = [];
  for (const [size, unit] of units) {
    if (words.length === 2 || rest < size) continue;
    words.push(`${Math.floor(rest / size)} ${unit}`);
    rest %= size;
  }
  return words.length === 0 ? "0 s" : words.join(" ");
}
