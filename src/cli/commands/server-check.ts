import { DistError } from "../../base/errors.ts";
import type { Config } from "../../config/load-config.ts";
import type { ServerSettings } from "../../config/server-settings.ts";
import {
  checkDatabase,
  checkDirectories,
  checkStorage,
  type DatabaseFinding,
} from "../../registry/check-store.ts";
import type { StorageAbilities } from "../../registry/records/store.ts";
import { type ExitReason, exitReasonOf } from "../exit-codes.ts";
import type { Output } from "../output.ts";

/** One thing that was looked at. */
interface Check {
  readonly name: "settings" | "public_url" | "listen" | "directory" | "database" | "storage";
  /** A warning does not keep the server from working. */
  readonly status: "ok" | "warning" | "failed";
  readonly message: string;
  /** Why it failed. */
  readonly error?: DistError;
}

/**
 * What `server run --check` does: looks at everything a start would meet, prints each check with its result, and answers the
 * reason of the first that failed. Makes nothing, and takes no port.
 */
export async function checkServer(
  output: Output,
  directory: string,
  load: () => Promise<Config>,
): Promise<ExitReason | void> {
  const checks: Check[] = [];
  const look = async <T>(
    name: Check["name"],
    work: () => Promise<T>,
    say: (found: T) => Pick<Check, "message"> & { status?: "warning" },
  ): Promise<T | undefined> => {
    try {
      const found = await work();
      checks.push({ name, status: "ok", ...say(found) });
      return found;
    } catch (error) {
      if (!(error instanceof DistError)) throw error;
      checks.push({ name, status: "failed", message: error.message, error });
      return undefined;
    }
  };
  const config = await look("settings", load, () => ({ message: "read, every one of them known" }));
  let exists: boolean | null = null;
  if (config !== undefined) {
    const store = { directory, settings: config.store, storage: config.storage };
    checks.push(publicUrlCheck(config.server), listenCheck(config.server));
    await look(
      "directory",
      () => checkDirectories(store),
      () => ({ message: directory }),
    );
    const database = await look("database", () => checkDatabase(store), databaseText);
    if (database !== undefined) exists = database.schema !== "missing";
    await look("storage", () => checkStorage(store), storageText);
  }
  return report(output, { directory, exists, checks, settings: config?.server ?? null });
}

function publicUrlCheck({ publicUrl, trustedProxies }: ServerSettings): Check {
  const name = "public_url";
  if (publicUrl === null) return { name, status: "ok", message: "none: links begin as each request came" };
  const { protocol, hostname } = new URL(publicUrl);
  const warn = (what: string): Check => ({ name, status: "warning", message: `${publicUrl}: ${what}` });
  if (/^(0\.0\.0\.0|\[::\])$/.test(hostname)) return warn("nobody can reach this address");
  if (protocol === "http:" && !/^(localhost|127\..*|\[::1\])$/.test(hostname)) {
    return warn("tokens travel unencrypted, and no iPhone installs from it");
  }
  // TLS ends at a proxy: this server speaks HTTP only.
  if (protocol === "https:" && trustedProxies.length === 0) {
    return warn(
      "trusted_proxies names no proxy, so failed credentials of all its clients count as one client's",
    );
  }
  return { name, status: "ok", message: publicUrl };
}

/** Nothing is tried: a server may be running there. */
function listenCheck({ host, port, workers }: ServerSettings): Check {
  return { name: "listen", status: "ok", message: `${host}, port ${port}, workers: ${workers}` };
}

function databaseText({ place, schema }: DatabaseFinding): { message: string } {
  const found = {
    missing: "no store yet; a start makes it",
    older: "a store of an older version; a start brings it up to date",
    current: "a store of this version",
  };
  return { message: `${place}: ${found[schema]}` };
}

function storageText(abilities: StorageAbilities | null): { message: string; status?: "warning" } {
  if (abilities === null) return { message: "in the store directory" };
  if (!abilities.ranges) {
    return { status: "warning", message: "the object store takes no ranges: downloads cannot be resumed" };
  }
  return {
    message: `a probe was written, read and removed; versioning: ${abilities.versioning ? "on" : "off"}`,
  };
}

function report(
  output: Output,
  found: {
    directory: string;
    exists: boolean | null;
    checks: readonly Check[];
    settings: ServerSettings | null;
  },
): ExitReason | undefined {
  const { directory, exists, checks, settings } = found;
  const errors = checks.flatMap(({ error }) => error ?? []);
  const [first] = errors;
  const value = {
    ok: first === undefined,
    store: directory,
    exists,
    checks: checks.map(({ error, ...check }) => ({ ...check, ...error?.toJSON() })),
    settings,
    // Where scripts look for it.
    ...first?.toJSON(),
  };
  output.result(value, () =>
    checks
      .map(({ name, status, message }) => `${status.padEnd(7)}  ${name.padEnd(10)}  ${message}`)
      .join("\n"),
  );
  if (!output.json) for (const error of errors) output.complain(error);
  return first === undefined ? undefined : exitReasonOf(first);
}
