import type { Environment } from "../config/environment.ts";
import { Secret } from "../base/secret.ts";
import { defineOptions } from "./command.ts";
import { cliErrors } from "./errors.ts";

/** The options of every command that works on a store or a server. */
export const connectionOptions = defineOptions({
  localStore: { value: "DIR", about: "Work on this store directory", env: "DIST_STORE" },
  server: { value: "URL", about: "Work on this server", env: "DIST_SERVER" },
  token: { value: "SECRET", about: "The token for the server", env: "DIST_TOKEN" },
  tokenFile: { value: "FILE", about: "Read the token from a file", env: "DIST_TOKEN_FILE" },
  caFile: { value: "FILE", about: "Trust these certificate authorities too, as PEM" },
});

/** The values of `connectionOptions`. */
export interface ConnectionFlags {
  readonly localStore?: string | undefined;
  readonly server?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly caFile?: string | undefined;
}

/** Where a command works. */
export type Connection =
  | { readonly kind: "store"; readonly directory: string }
  | {
      readonly kind: "server";
      readonly url: string;
      readonly token: Token | null;
      readonly caFile?: string | undefined;
    };

export type Token =
  | { readonly kind: "secret"; readonly secret: Secret }
  | { readonly kind: "file"; readonly path: string };

/**
 * Decides between a store directory and a server: a flag beats the environment, both at one level is an error, and so is neither.
 * Raises `usage.store_required`, `usage.store_and_server`, `usage.token_with_store`, `usage.conflicting_options`.
 */
export function resolveConnection(flags: ConnectionFlags, environment: Environment): Connection {
  const place =
    choosePlace(flags, "--local-store and --server") ??
    choosePlace(environment, "DIST_STORE and DIST_SERVER");
  if (place === undefined) {
    throw cliErrors.error("usage.store_required", "The command needs a store directory or a server.", {
      hint: "Give --local-store DIR or --server URL, or set DIST_STORE or DIST_SERVER.",
    });
  }
  if (place.kind === "server") {
    return { ...place, token: chooseToken(flags, environment), caFile: flags.caFile };
  }
  if (flags.caFile !== undefined) {
    throw cliErrors.error(
      "usage.conflicting_options",
      "--ca-file is for servers; a store directory has no use for it.",
    );
  }
  if (flags.token !== undefined || flags.tokenFile !== undefined) {
    throw cliErrors.error("usage.token_with_store", "A store directory takes no token.", {
      hint: "Whoever may write the directory may do everything. Leave the token out, or name a server.",
    });
  }
  return place;
}

type Place =
  | { readonly kind: "store"; readonly directory: string }
  | { readonly kind: "server"; readonly url: string };

function choosePlace(
  level: { readonly localStore?: string | undefined; readonly server?: string | undefined },
  names: string,
): Place | undefined {
  if (level.localStore !== undefined && level.server !== undefined) {
    throw cliErrors.error("usage.store_and_server", `${names} exclude each other.`, {
      hint: "Name either a store directory or a server.",
    });
  }
  if (level.localStore !== undefined) return { kind: "store", directory: level.localStore };
  if (level.server !== undefined) return { kind: "server", url: level.server };
  return undefined;
}

function chooseToken(flags: ConnectionFlags, environment: Environment): Token | null {
  const given = tokenAt(flags.token === undefined ? undefined : new Secret(flags.token), flags.tokenFile);
  return given ?? tokenAt(environment.token, environment.tokenFile) ?? null;
}

function tokenAt(secret: Secret | undefined, path: string | undefined): Token | undefined {
  if (secret !== undefined && path !== undefined) {
    throw cliErrors.error("usage.conflicting_options", "A token and a token file exclude each other.");
  }
  if (secret !== undefined) return { kind: "secret", secret };
  return path === undefined ? undefined : { kind: "file", path };
}
