import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { errnoOf } from "../base/errors.ts";
import { nearest } from "../base/text.ts";
import type { StorageSettings } from "../registry/storage-settings.ts";
import type { StoreSettings } from "../registry/store-settings.ts";
import type { OidcSettings, ServerSettings } from "../config/server-settings.ts";
import { environmentVariables } from "./environment.ts";
import { configErrors } from "./errors.ts";
import {
  flaggedKeys,
  secretKeys,
  type Setting,
  settingFlagOf,
  type SettingKey,
  settingKeys,
  settings,
  type SettingValues,
  variableOf,
} from "./settings.ts";

/** More is no secret, and would be kept in memory. */
const maxSecretBytes = 64 * 1024;
/** A configuration is a page of text; more is a mistake, and parsing it would take memory. */
const maxFileBytes = 1024 * 1024;

export interface Config {
  readonly store: StoreSettings;
  readonly storage: StorageSettings;
  readonly server: ServerSettings;
}

/** One thing that is wrong, with where it stands: `dist.toml`, `dist.toml:3:5` (or another file's name), `environment` or `flags`. */
export interface ConfigProblem {
  readonly key: string | null;
  readonly source: string;
  readonly message: string;
}

export interface ConfigSources {
  /** The store directory; its `dist.toml` is read when it exists. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A further file like `dist.toml`, which must exist. */
  readonly file?: string | undefined;
  /** Values from the command line. */
  readonly flags?: SettingFlags;
}

/** Settings given as flags; undefined for one that was not given. */
export type SettingFlags = { readonly [K in (typeof flaggedKeys)[number]]?: string | number | undefined };

/**
 * Reads the settings: defaults, then the store's `dist.toml`, then `file`, then `DIST_*` variables, then flags; later beats earlier.
 * Raises `config.invalid` with every problem of all sources: unknown keys, unreadable values.
 */
export async function loadConfig({ directory, env, file, flags = {} }: ConfigSources): Promise<Config> {
  const problems: ConfigProblem[] = [];
  const given = new Map<SettingKey, unknown>();
  for (const key of settingKeys) given.set(key, parse(key, settings[key].default, "default", problems));
  const files = [{ path: join(directory, "dist.toml"), optional: true }];
  if (file !== undefined) files.push({ path: file, optional: false });
  for (const { path, optional } of files) {
    for (const [key, value] of await readSettingsFile(path, optional, problems)) {
      takeKey(key, value, basename(path), given, problems);
    }
  }
  const variables = await withSecretFiles(env, problems);
  for (const [name, value] of Object.entries(variables)) takeVariable(name, value, given, problems);
  for (const key of flaggedKeys) {
    const value = flags[key];
    if (value !== undefined) given.set(key, parse(key, value, "flags", problems, settingFlagOf(key)));
  }
  const values = Object.fromEntries(given) as SettingValues;
  const storage = toStorageSettings(values, problems);
  const server = toServerSettings(values, problems);
  if (problems.length > 0) {
    const [first] = problems;
    const message =
      problems.length === 1 && first !== undefined
        ? `The configuration has a problem: ${first.message}`
        : `The configuration has ${problems.length} problems.`;
    throw configErrors.error("config.invalid", message, { details: { problems } });
  }
  return { store: toStoreSettings(values), storage, server };
}

/** An object store needs what the directory does not. */
function toStorageSettings(values: SettingValues, problems: ConfigProblem[]): StorageSettings {
  if (values["storage.kind"] !== "s3") {
    if (values["storage.object_lock"]) {
      const message = "storage.object_lock needs an object store: storage.kind is not s3.";
      problems.push({ key: "storage.object_lock", source: "default", message });
    }
    return { kind: "directory" };
  }
  const required = <T>(key: SettingKey, value: T | null): T => {
    // Undefined: one that was given and cannot be read is named already.
    if (value === null)
      problems.push({ key, source: "default", message: `storage.kind is s3, which needs ${key}.` });
    return value as T;
  };
  return {
    kind: "s3",
    endpoint: values["storage.endpoint"],
    region: values["storage.region"] ?? "us-east-1",
    bucket: required("storage.bucket", values["storage.bucket"]),
    prefix: values["storage.prefix"],
    pathStyle: values["storage.path_style"],
    accessKeyId: required("storage.access_key_id", values["storage.access_key_id"]),
    secretAccessKey: required("storage.secret_access_key", values["storage.secret_access_key"]),
    caFile: values["storage.ca_file"],
    downloads: values["storage.downloads"],
    spoolDirectory: values["storage.spool_directory"],
  };
}

function toServerSettings(values: SettingValues, problems: ConfigProblem[]): ServerSettings {
  return {
    host: values["server.host"],
    port: values["server.port"],
    workers: values["server.workers"],
    publicUrl: values["public_url"],
    trustedProxies: values["trusted_proxies"],
    maxUploadBytes: values["server.max_upload_bytes"],
    sendFile: values["server.send_file"],
    oidc: toOidcSettings(values, problems),
  };
}

function toOidcSettings(values: SettingValues, problems: ConfigProblem[]): OidcSettings | null {
  const { "oidc.issuer": issuer, "oidc.client_id": clientId } = values;
  if (issuer === null || issuer === undefined) return null;
  if (clientId === null) {
    const message = "oidc.issuer is set, which needs oidc.client_id.";
    problems.push({ key: "oidc.client_id", source: "default", message });
  }
  return {
    issuer,
    clientId: clientId ?? "",
    clientSecret: values["oidc.client_secret"],
    scopes: values["oidc.scopes"] ?? "openid",
    roleClaim: values["oidc.role_claim"] ?? "groups",
    viewers: values["oidc.viewers"],
    releaseManagers: values["oidc.release_managers"],
    administrators: values["oidc.administrators"],
  };
}

function toStoreSettings(values: SettingValues): StoreSettings {
  return {
    database: values["database.url"],
    defaultVisibility: values["default_visibility"],
    expireAfterMs: values["uploads.expire_after"],
    maxUploadBytes: values["server.max_upload_bytes"],
    retentionClasses: {
      transient: values["retention.classes.transient"],
      "raw-evidence": values["retention.classes.raw-evidence"],
      "summary-evidence": values["retention.classes.summary-evidence"],
      "release-evidence": values["retention.classes.release-evidence"],
      "permanent-record": values["retention.classes.permanent-record"],
    },
    defaultRetentionClass: values["retention.default_class"],
    sweepIntervalMs: values["retention.sweep_interval"],
    lockAheadMs: values["storage.object_lock"] ? values["storage.object_lock_ahead"] : null,
  };
}

function takeKey(
  key: string,
  value: unknown,
  source: string,
  given: Map<SettingKey, unknown>,
  problems: ConfigProblem[],
): void {
  if (isSettingKey(key)) {
    given.set(key, parse(key, value, source, problems));
    return;
  }
  problems.push({ key, source, message: unknownText(`The key ${key}`, key, settingKeys) });
}

/** The variables, with the value of each `…_FILE` of a secret setting in the place of its name. */
async function withSecretFiles(
  env: ConfigSources["env"],
  problems: ConfigProblem[],
): Promise<ConfigSources["env"]> {
  const variables = { ...env };
  for (const variable of secretKeys.map(variableOf)) {
    const named = `${variable}_FILE`;
    const path = variables[named];
    delete variables[named];
    if (!path) continue;
    const refuse = (message: string) => problems.push({ key: named, source: "environment", message });
    if (variables[variable]) {
      refuse(`${variable} and ${named} exclude each other.`);
      continue;
    }
    try {
      const bytes = await readFile(path);
      // Files end with a line feed, and secrets do not.
      if (bytes.length <= maxSecretBytes) variables[variable] = bytes.toString("utf8").trim();
      else refuse(`The file that ${named} names is larger than ${maxSecretBytes} bytes.`);
    } catch (error) {
      refuse(`The file that ${named} names cannot be read (${errnoOf(error) ?? String(error)}).`);
    }
  }
  return variables;
}

function takeVariable(
  name: string,
  value: string | undefined,
  given: Map<SettingKey, unknown>,
  problems: ConfigProblem[],
): void {
  // Empty counts as absent; DIST_TEST_* belongs to test set-ups.
  if (!name.startsWith("DIST_") || name.startsWith("DIST_TEST_") || !value) return;
  if (name in environmentVariables) return;
  const key = settingKeys.find((candidate) => variableOf(candidate) === name);
  if (key !== undefined) {
    given.set(key, parse(key, value, "environment", problems, name));
    return;
  }
  const known = [
    ...Object.keys(environmentVariables),
    ...settingKeys.map(variableOf),
    ...secretKeys.map((secret) => `${variableOf(secret)}_FILE`),
  ];
  problems.push({
    key: name,
    source: "environment",
    message: unknownText(`The variable ${name}`, name, known),
  });
}

function parse(
  key: SettingKey,
  value: unknown,
  source: string,
  problems: ConfigProblem[],
  shownKey: string = key,
): unknown {
  const { type }: Setting<unknown> = settings[key];
  const parsed = type.parse(value);
  if (parsed === undefined) {
    problems.push({ key: shownKey, source, message: `${shownKey} must be ${type.expected}.` });
  }
  return parsed;
}

/** The leaves of a file like `dist.toml` by dotted key; nothing when it may be missing and is. */
async function readSettingsFile(
  path: string,
  optional: boolean,
  problems: ConfigProblem[],
): Promise<[string, unknown][]> {
  const name = basename(path);
  const refuse = (source: string, message: string): [] => {
    problems.push({ key: null, source, message });
    return [];
  };
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const errno = errnoOf(error);
    // ENOTDIR: the store directory is a file, which opening the store reports.
    if (optional && (errno === "ENOENT" || errno === "ENOTDIR")) return [];
    return refuse(name, `${name} cannot be read (${errno ?? String(error)}).`);
  }
  if (bytes.length > maxFileBytes) return refuse(name, `${name} is larger than ${maxFileBytes} bytes.`);
  const { parse: parseToml, TomlError } = await import("smol-toml");
  try {
    return [...leaves(parseToml(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), "")];
  } catch (error) {
    if (error instanceof TomlError) {
      const [sentence = "", ...rest] = error.message.split("\n");
      const what = sentence.replace(/^Invalid TOML document: /, "");
      return refuse(
        `${name}:${error.line}:${error.column}`,
        `${name} is not TOML at line ${error.line}: ${what || rest.join(" ")}.`,
      );
    }
    return refuse(name, `${name} is not UTF-8 text.`);
  }
}

function* leaves(table: object, prefix: string): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(table)) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    const isTable =
      typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
    if (isTable && !isSettingKey(key)) yield* leaves(value, key);
    else yield [key, value];
  }
}

function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(settings, key);
}

function unknownText(what: string, word: string, known: readonly string[]): string {
  const suggestion = nearest(word, known);
  return suggestion === undefined ? `${what} is unknown.` : `${what} is unknown; did you mean ${suggestion}?`;
}
