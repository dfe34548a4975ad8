import { userInfo } from "node:os";

import type { Environment } from "../config/environment.ts";
import type { Registry } from "../registry/registry.ts";
import type { Connection, Token } from "./connection.ts";
import { readTextFile } from "./read-text-file.ts";

/** A registry with the way to let go of it. */
export interface OpenRegistry {
  readonly registry: Registry;
  close(): Promise<void>;
}

/**
 * The one place that knows where a registry comes from. `create` makes a store that is missing.
 * Raises `store.*`, `config.invalid`; for a server `client.*`, `cli.file_unreadable`, `auth.malformed_token`.
 */
export async function openRegistry(
  connection: Connection,
  environment: Environment,
  options: { create: boolean },
): Promise<OpenRegistry> {
  if (connection.kind === "server") return openServer(connection, environment);
  const { loadConfig } = await import("../config/load-config.ts");
  const { store: settings, storage } = await loadConfig({
    directory: connection.directory,
    env: environment.variables,
  });
  const { openStore } = await import("../registry/open-store.ts");
  const { localPrincipal } = await import("../registry/principal.ts");
  const { directory } = connection;
  const store = await openStore({ directory, create: options.create, settings, storage });
  return { registry: store.as(localPrincipal(localUser())), close: () => store.close() };
}

async function openServer(
  connection: Connection & { kind: "server" },
  { variables }: Environment,
): Promise<OpenRegistry> {
  const { connect } = await import("../client/connect.ts");
  const remote = connect({
    server: connection.url,
    token: connection.token === null ? undefined : await readToken(connection.token),
    caFile: connection.caFile,
    // The lower-case names are the older ones, and win with other programs too.
    proxies: {
      https: variables["https_proxy"] || variables["HTTPS_PROXY"],
      http: variables["http_proxy"] || variables["HTTP_PROXY"],
      none: variables["no_proxy"] || variables["NO_PROXY"],
    },
  });
  return { registry: remote, close: () => remote.close() };
}

/** Files end with a line feed, and secrets do not. */
async function readToken(token: Token): Promise<string> {
  return token.kind === "secret" ? token.secret.reveal() : (await readTextFile(token.path, ".")).trim();
}

/** The name of whoever runs the command; by number where the machine has no name for it, as in many containers. */
function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}
