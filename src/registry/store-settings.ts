import type { Duration } from "../base/duration.ts";
import type { PostgresTarget } from "../catalog/postgres/postgres-target.ts";
import type { Visibility } from "./records/apps.ts";

/** What an operator can set (`dist.toml`), as the registry needs it. */
export interface StoreSettings {
  readonly database: DatabaseSettings;
  readonly defaultVisibility: Visibility;
  /** How long leases, upload sessions and staging live. */
  readonly expireAfterMs: number;
  readonly maxUploadBytes: number;
  /** Default period by retention class; null never expires. */
  readonly retentionClasses: { readonly [name: string]: Duration | null };
  /** The class of a package that names none. */
  readonly defaultRetentionClass: string;
  /** How often a server sweeps. */
  readonly sweepIntervalMs: number;
  /** How far ahead the object store locks what has no end; null: it locks nothing. */
  readonly lockAheadMs: number | null;
}

/** Where the log, its views and the state are: in a file, relative to the store directory, or on a database server. */
export type DatabaseSettings =
  | { readonly engine: "sqlite"; readonly file: string }
  | ({ readonly engine: "postgres" } & PostgresTarget);
