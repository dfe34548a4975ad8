import type { Readable } from "node:stream";

import type { Environment } from "../config/environment.ts";
import type { Registry } from "../registry/registry.ts";
import type { Connection } from "./connection.ts";
import type { openRegistry } from "./open-registry.ts";
import type { Output } from "./output.ts";

/** What every command works with. */
export interface CommandContext {
  readonly output: Output;
  /** What relative paths on the command line are relative to. */
  readonly directory: string;
  /** Standard input, for commands that read `-`. */
  readonly stdin: () => Readable;
  readonly environment: Environment;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Where the command works. Raises `usage.*` for a command that needs none. */
  readonly connection: () => Connection;
  /** How registries are opened, for a command that needs one elsewhere. */
  readonly open: typeof openRegistry;
  /** Opens the store or server the command line names, once; closed when the command ends. Raises `store.*`, `config.invalid`. */
  readonly registry: () => Promise<Registry>;
}
