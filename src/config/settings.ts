import { type Duration, durationSeconds, parseDuration, parseDurationOrNever } from "../base/duration.ts";

/** How one kind of value is read, from `dist.toml` (typed) or from the environment (text). */
export interface SettingType<T> {
  /** What a value looks like: `must be …`. */
  readonly expected: string;
  /** The value, or undefined for one that cannot be read. */
  readonly parse: (value: unknown) => T | undefined;
}

/** One thing an operator can set. */
export interface Setting<T> {
  readonly type: SettingType<T>;
  /** As it would stand in `dist.toml`. */
  readonly default: string | number;
  readonly about: string;
}

function choice<const C extends string>(...choices: readonly C[]): SettingType<C> {
  return { expected: `one of ${choices.join(", ")}`, parse: (value) => choices.find((one) => one === value) };
}

const byteCount: SettingType<number> = {
  expected: "a number of bytes, at least 1",
  parse: (value) => {
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    return typeof number === "number" && Number.isSafeInteger(number) && number >= 1 ? number : undefined;
  },
};

/** A length of time that is the same whenever it starts: no years. */
const fixedDurationMs: SettingType<number> = {
  expected: "a duration such as 90s, 15m, 24h, 7d or 2w",
  parse: (value) => attempt(() => durationSeconds(parseDuration(String(value))) * 1000),
};

const periodOrNever: SettingType<Duration | null> = {
  expected: "a duration such as 24h, 180d or 7y, or never",
  parse: (value) => attempt(() => parseDurationOrNever(String(value))),
};

function setting<T>(type: SettingType<T>, defaultValue: string | number, about: string): Setting<T> {
  return { type, default: defaultValue, about };
}

/** Every setting by its key in `dist.toml`; the variable's name follows from the key (`variableOf`). */
export const settings = {
  default_visibility: setting(
    choice("public", "unlisted", "private"),
    "unlisted",
    "Who sees an app that does not say: public (listed), unlisted (by exact name), private (signed in).",
  ),
  "server.max_upload_bytes": setting(byteCount, 16 * 1024 ** 3, "The largest file that is taken, in bytes."),
  "uploads.expire_after": setting(
    fixedDurationMs,
    "24h",
    "How long uploaded bytes that nothing refers to yet, unfinished uploads and staging files are kept.",
  ),
  "retention.classes.transient": setting(periodOrNever, "7d", "How long packages of this class are kept."),
  "retention.classes.raw-evidence": setting(
    periodOrNever,
    "180d",
    "How long packages of this class are kept.",
  ),
  "retention.classes.summary-evidence": setting(
    periodOrNever,
    "3y",
    "How long packages of this class are kept.",
  ),
  "retention.classes.release-evidence": setting(
    periodOrNever,
    "7y",
    "How long packages of this class are kept.",
  ),
  "retention.classes.permanent-record": setting(
    periodOrNever,
    "never",
    "How long packages of this class are kept.",
  ),
} as const;

export type SettingKey = keyof typeof settings;
export type SettingValues = {
  [K in SettingKey]: (typeof settings)[K] extends Setting<infer T> ? T : never;
};

export const settingKeys = Object.keys(settings) as SettingKey[];

/** `uploads.expire_after` -> `DIST_UPLOADS_EXPIRE_AFTER`. */
export function variableOf(key: SettingKey): string {
  return `DIST_${key.replaceAll(/[.-]/g, "_").toUpperCase()}`;
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
