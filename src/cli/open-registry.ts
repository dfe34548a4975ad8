import { userInfo } from "node:os";

import type { Environment } from "../config/environment.ts";
import type { Registry } from "../registry/registry.ts";
import type { Connection } from "./connection.ts";
import { cliErrors } from "./errors.ts";

/** A registry with the way to let go of it. */
export interface OpenRegistry {
  readonly registry: Registry;
  close(): Promise<void>;
}

/**
 * The one place that knows where a registry comes from. `create` makes a store that is missing.
 * Raises `store.*`, `config.invalid`, `usage.server_not_supported`.
 */
export async function openRegistry(
  connection: Connection,
  environment: Environment,
  options: { create: boolean },
): Promise<OpenRegistry> {
  if (connection.kind === "server") {
    throw cliErrors.error("usage.server_not_supported", "This build speaks to store directories only.", {
      hint: "Use --local-store DIR.",
    });
  }
  const { loadConfig } = await import("../config/load-config.ts");
  const { store: settings } = await loadConfig({
    directory: connection.directory,
    env: environment.variables,
  });
  const { openStore } = await import("../registry/open-store.ts");
  const { localPrincipal } = await import("../registry/principal.ts");
  const store = await openStore({ directory: connection.directory, create: options.create, settings });
  return { registry: store.as(localPrincipal(localUser())), close: () => store.close() };
}

/** The name of whoever runs the command; by number where the machine has no name for it, as in many containers. */
function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}
