import { Secret } from "../base/secret.ts";

/** What the command line takes from the environment, besides the settings of a store. */
export interface Environment {
  readonly localStore: string | undefined;
  readonly server: string | undefined;
  readonly token: Secret | undefined;
  readonly tokenFile: string | undefined;
  /** Show where errors come from. */
  readonly debug: boolean;
  /** False when `NO_COLOR` is set (https://no-color.org). */
  readonly colour: boolean;
  /** All variables, for `loadConfig`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** The variables that `readEnvironment` reads, for the reference and for telling known from unknown ones. */
export const environmentVariables = {
  DIST_STORE: "The store directory, as `--local-store`.",
  DIST_SERVER: "The server, as `--server`.",
  DIST_TOKEN: "The token for the server, as `--token`. Ignored with a store directory.",
  DIST_TOKEN_FILE: "A file that holds the token, as `--token-file`.",
  DIST_DEBUG: "Any value but `0`: errors show where they come from.",
  NO_COLOR: "Any value: no colour.",
} as const;

/** Reads the variables of `environmentVariables`. An empty one counts as absent, as CI systems pass secrets that are not set. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const read = (name: keyof typeof environmentVariables): string | undefined => env[name] || undefined;
  const token = read("DIST_TOKEN");
  const debug = read("DIST_DEBUG");
  return {
    localStore: read("DIST_STORE"),
    server: read("DIST_SERVER"),
    token: token === undefined ? undefined : new Secret(token),
    tokenFile: read("DIST_TOKEN_FILE"),
    debug: debug !== undefined && debug !== "0",
    colour: read("NO_COLOR") === undefined,
    variables: env,
  };
}

const TARGET_PREFIX = "DIST_TO_";

/**
 * The settings of the two sides of a migration. The source has those that every other command has; the target has the
 * variables that begin with `DIST_TO_`, so that no variable moves both to one place.
 */
export function migrationVariables(variables: Environment["variables"]): {
  readonly source: Environment["variables"];
  readonly target: Environment["variables"];
} {
  const isTargets = ([name]: readonly [string, unknown]) => name.startsWith(TARGET_PREFIX);
  const all = Object.entries(variables);
  const targets = all.filter(isTargets);
  return {
    source: Object.fromEntries(all.filter((entry) => !isTargets(entry))),
    target: Object.fromEntries(
      targets.map(([name, value]) => [`DIST_${name.slice(TARGET_PREFIX.length)}`, value]),
    ),
  };
}
