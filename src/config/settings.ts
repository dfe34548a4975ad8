import { isIP } from "node:net";

import { Secret } from "../base/secret.ts";
import type { DatabaseSettings } from "../registry/store-settings.ts";
import { type Duration, durationSeconds, parseDuration, parseDurationOrNever } from "../base/duration.ts";
import { parseDatabaseUrl } from "./database-url.ts";

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
  readonly default: string | number | boolean | readonly string[];
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

const portNumber: SettingType<number> = {
  expected: "a port from 0 to 65535 (0: any that is free)",
  parse: (value) => {
    const number = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
    return typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= 65_535
      ? number
      : undefined;
  },
};

/** Each worker is a process with its own memory and database handles: beyond this a typing error is likelier than a machine that large. */
const MAX_WORKERS = 64;

const workerCount: SettingType<number> = {
  expected: `a number from 1 to ${MAX_WORKERS}`,
  parse: (value) => {
    const number = typeof value === "string" && /^\d{1,2}$/.test(value) ? Number(value) : value;
    return typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= MAX_WORKERS
      ? number
      : undefined;
  },
};

const hostName: SettingType<string> = {
  expected: "an address or a host name",
  parse: (value) =>
    typeof value === "string" && (isIP(value) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/.test(value))
      ? value
      : undefined,
};

/** An origin; null for none. Links are made by appending paths to it, so it is given back without a trailing slash. */
const originOrNone: SettingType<string | null> = {
  expected: "http:// or https:// with a host, and nothing after it",
  parse: (value) => {
    if (value === "") return null;
    const url = typeof value === "string" ? URL.parse(value) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
    return url.href === `${url.origin}/` ? url.origin : undefined;
  },
};

const flag: SettingType<boolean> = {
  expected: "true or false",
  parse: (value) => {
    if (typeof value === "boolean") return value;
    return value === "true" || value === "false" ? value === "true" : undefined;
  },
};

/** Text that a shell or an HTTP header takes as it is; null for none. */
function textOrNone(expected: string, pattern: RegExp): SettingType<string | null> {
  return {
    expected,
    parse: (value) => {
      if (value === "") return null;
      return typeof value === "string" && pattern.test(value) ? value : undefined;
    },
  };
}

const secretOrNone: SettingType<Secret | null> = {
  expected: "text",
  parse: (value) => {
    if (value === "") return null;
    return typeof value === "string" ? new Secret(value) : undefined;
  },
};

const keyPrefix: SettingType<string> = {
  expected: "letters, digits and ._-/, ending with a slash",
  parse: (value) =>
    typeof value === "string" && (value === "" || /^[A-Za-z0-9._-][A-Za-z0-9._/-]{0,254}\/$/.test(value))
      ? value
      : undefined,
};

/** A list in `dist.toml`, text with commas in a variable. */
const addressList: SettingType<readonly string[]> = {
  expected: "a list of IP addresses or networks, such as 10.0.0.0/8",
  parse: (value) => {
    const list =
      typeof value === "string"
        ? value
            .split(",")
            .map((one) => one.trim())
            .filter((one) => one !== "")
        : value;
    if (!Array.isArray(list)) return undefined;
    return list.every((one) => typeof one === "string" && isNetwork(one)) ? list : undefined;
  },
};

function isNetwork(text: string): boolean {
  const [, address = "", prefix = "0"] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(prefix) <= (family === 4 ? 32 : 128);
}

/** An identity provider's address; null for none. Over plain HTTP only on this machine: codes and tokens go there. */
const issuerOrNone: SettingType<string | null> = {
  expected: "an https:// address (http:// on a loopback address only)",
  parse: (value) => {
    if (value === "") return null;
    const url = typeof value === "string" ? URL.parse(value) : null;
    if (url === null || url.search !== "" || url.hash !== "") return undefined;
    const isLocal = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
    return url.protocol === "https:" || (url.protocol === "http:" && isLocal) ? (value as string) : undefined;
  },
};

/** A list in `dist.toml`, text with commas in a variable. */
const textList: SettingType<readonly string[]> = {
  expected: "a list of texts",
  parse: (value) => {
    const list = typeof value === "string" ? value.split(",").map((one) => one.trim()) : value;
    if (!Array.isArray(list) || !list.every((one) => typeof one === "string")) return undefined;
    return list.filter((one) => one !== "");
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

const databaseUrl: SettingType<DatabaseSettings> = {
  expected:
    "sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE, the latter with sslmode (disable, require, verify-full), sslrootcert, host (the directory of a socket) or options after a ?",
  parse: (value) => (typeof value === "string" ? parseDatabaseUrl(value) : undefined),
};

function setting<T>(type: SettingType<T>, defaultValue: Setting<T>["default"], about: string): Setting<T> {
  return { type, default: defaultValue, about };
}

/** Every setting by its key in `dist.toml`; the variable's name follows from the key (`variableOf`). */
export const settings = {
  default_visibility: setting(
    choice("public", "unlisted", "private"),
    "unlisted",
    "Who sees an app that does not say: public (listed), unlisted (by exact name), private (signed in).",
  ),
  public_url: setting(
    originOrNone,
    "",
    "Where people reach the server: links in pages and answers begin with it. Without it they begin as the request came.",
  ),
  trusted_proxies: setting(
    addressList,
    [],
    "The proxies in front of the server: only from these do `X-Forwarded-For`, `-Proto` and `-Host` count. In the variable, with commas between them.",
  ),
  "server.host": setting(hostName, "127.0.0.1", "The address to listen on; `0.0.0.0` for every one."),
  "server.port": setting(portNumber, 8787, "The port to listen on."),
  "server.workers": setting(
    workerCount,
    1,
    "How many processes answer on the port, supervised by a further one when there are several. Each counts failed credentials by itself, up to its share of the limit.",
  ),
  "server.send_file": setting(
    choice("off", "x-accel", "x-sendfile"),
    "off",
    "Who sends the bytes of a download: the server, or the proxy in front of it, told by `X-Accel-Redirect` or `X-Sendfile`.",
  ),
  "server.max_upload_bytes": setting(byteCount, 16 * 1024 ** 3, "The largest file that is taken, in bytes."),
  "database.url": setting(
    databaseUrl,
    "sqlite:dist.db",
    "Where the log, its views and the state are: a SQLite file, relative to the store directory, or a PostgreSQL database.",
  ),
  "uploads.expire_after": setting(
    fixedDurationMs,
    "24h",
    "How long uploaded bytes that nothing refers to yet, unfinished uploads and staging files are kept.",
  ),
  "storage.kind": setting(
    choice("directory", "s3"),
    "directory",
    "Where the bytes of artifacts are kept: in the store directory, or in a bucket of an S3-compatible object store.",
  ),
  "storage.endpoint": setting(
    originOrNone,
    "",
    "The object store's address. Without it Amazon's own, of the region.",
  ),
  "storage.region": setting(
    textOrNone("a region's name", /^[a-z0-9-]{1,64}$/),
    "us-east-1",
    "The region that requests are signed for; most stores take any.",
  ),
  "storage.bucket": setting(
    textOrNone("a bucket's name", /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
    "",
    "The bucket, which exists already.",
  ),
  "storage.prefix": setting(
    keyPrefix,
    "",
    "Goes before every key, so that a bucket can serve other purposes as well.",
  ),
  "storage.path_style": setting(
    flag,
    true,
    "The bucket stands in the path of addresses; otherwise in the host name, which needs a name for every bucket.",
  ),
  "storage.access_key_id": setting(
    textOrNone("text without spaces", /^[!-~]{1,128}$/),
    "",
    "Whose requests to the object store are.",
  ),
  "storage.secret_access_key": setting(secretOrNone, "", "What they are signed with."),
  "storage.ca_file": setting(
    textOrNone("a path", /^[^\0]+$/),
    "",
    "A PEM file of the authorities that may have signed the object store's certificate, in place of the system's.",
  ),
  "storage.downloads": setting(
    choice("redirect", "proxy"),
    "proxy",
    "Who sends the bytes of a download: the object store, to which a client is redirected with an address signed for an hour, or the server, which proves their digest on the way.",
  ),
  "storage.spool_directory": setting(
    textOrNone("a path", /^[^\0]+$/),
    "",
    "Where parts of uploads wait until they are sent, 8 MiB and more each, five for an upload at once. Without it `spool` in the store directory.",
  ),
  "storage.object_lock": setting(
    flag,
    false,
    "Whether the object store itself is to refuse the deletion of what retention keeps (S3 Object Lock, compliance mode), whoever has its credentials. Needs a bucket that was made with object lock; locks cannot be taken back.",
  ),
  "storage.object_lock_ahead": setting(
    fixedDurationMs,
    "30d",
    "How far ahead what has no end (active holds, permanent records) is locked; renewed when half of it is left. A server must run at least that often.",
  ),
  "oidc.issuer": setting(
    issuerOrNone,
    "",
    "The OpenID provider that people sign in to the console with; none when empty. The server finds the rest at its `/.well-known/openid-configuration`.",
  ),
  "oidc.client_id": setting(
    textOrNone("text", /^[ -~]{1,255}$/),
    "",
    "What the provider knows this server as.",
  ),
  "oidc.client_secret": setting(secretOrNone, "", "What it proves that with; empty for a public client."),
  "oidc.scopes": setting(
    textOrNone("names with spaces between them", /^[!-~]+(?: [!-~]+)*$/),
    "openid profile email",
    "What is asked for of the provider.",
  ),
  "oidc.role_claim": setting(
    textOrNone("a claim's name", /^[!-~]{1,128}$/),
    "groups",
    "The claim, of the ID token or the user info, whose values are held against the three lists below.",
  ),
  "oidc.viewers": setting(
    textList,
    [],
    "Values of the claim that make somebody a viewer: read, package.read, audit.",
  ),
  "oidc.release_managers": setting(
    textList,
    [],
    "Values that make somebody a release manager: publish, promote, package.write and retention besides.",
  ),
  "oidc.administrators": setting(textList, [], "Values that make somebody an administrator: admin."),
  "retention.default_class": setting(
    choice("transient", "raw-evidence", "summary-evidence", "release-evidence", "permanent-record"),
    "raw-evidence",
    "The class of a package that names none.",
  ),
  "retention.sweep_interval": setting(
    fixedDurationMs,
    "1h",
    "How often a server looks which packages may go by now, and records it. Nothing is deleted by it.",
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

/** The settings that may hold a secret: these can also be read from a file, which the variable with `_FILE` names. */
export const secretKeys = [
  "database.url",
  "storage.secret_access_key",
  "oidc.client_secret",
] as const satisfies readonly SettingKey[];

/** The settings that `server run` takes as flags. */
export const flaggedKeys = ["server.host", "server.port", "server.workers", "public_url"] as const;

/** `server.host` -> `--host`, `public_url` -> `--public-url`. */
export function settingFlagOf(key: (typeof flaggedKeys)[number]): string {
  return `--${key.replace("server.", "").replaceAll("_", "-")}`;
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
