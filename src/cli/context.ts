import type { Readable } from "node:stream";

import type { Environment } from "../config/environment.ts";
import type { ServerSettings } from "../config/server-settings.ts";
import type { StorageSettings } from "../registry/storage-settings.ts";
import type { StoreSettings } from "../registry/store-settings.ts";
import type { Registry } from "../registry/registry.ts";
import type { Connection } from "./connection.ts";
import type { Program } from "./help.ts";
import type { openRegistry } from "./open-registry.ts";
import type { Output } from "./output.ts";

/** How a server is run: by the program, since commands and the server know nothing of each other. */
export type Serve = (options: {
  readonly directory: string;
  readonly store: StoreSettings;
  readonly storage: StorageSettings;
  readonly server: ServerSettings;
  /** Takes the log's lines. */
  readonly write: (line: string) => void;
  /** Told the secret of the first administrator token, when this start makes it. */
  readonly onFirstToken: (secret: string) => void;
  /** Aborted to stop. */
  readonly signal: AbortSignal;
}) => Promise<void>;

/** What every command works with. */
export interface CommandContext {
  readonly output: Output;
  /** The program, as it was called. */
  readonly program: Program;
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
  /** Runs a server until the signal. */
  readonly serve: Serve;
  /** Opens the store or server the command line names, once; closed when the command ends. Raises `store.*`, `config.invalid`. */
  readonly registry: () => Promise<Registry>;
}
