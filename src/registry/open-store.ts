import type { Clock } from "../base/clock.ts";
import type { Duration } from "../base/duration.ts";
import type { Principal } from "./principal.ts";
import type { Registry, Visibility } from "./registry.ts";

/** What an operator can set (`dist.toml`), as the registry needs it. */
export interface StoreSettings {
  readonly defaultVisibility: Visibility;
  /** How long leases, upload sessions and staging live. */
  readonly expireAfterMs: number;
  readonly maxUploadBytes: number;
  /** Default period by retention class; null never expires. */
  readonly retentionClasses: { readonly [name: string]: Duration | null };
}

export interface StoreOptions {
  readonly directory: string;
  /** Make a store that is missing. Without it a missing store is `store.load`. */
  readonly create: boolean;
  readonly settings: StoreSettings;
  readonly clock?: Clock;
}

/** An open store. */
export interface Store {
  /** Everything the product can do, as this principal. */
  as(principal: Principal): Registry;
  /** The principal of a live token. Raises `auth.malformed_token`, `auth.unknown_token`, `auth.revoked`, `auth.expired`. */
  authenticate(secret: string): Promise<Principal>;
  close(): Promise<void>;
}

/** Opens the store in a directory. Raises `store.load`, `store.read_only`, `store.newer_schema`. */
export async function openStore(_options: StoreOptions): Promise<Store> {
  throw new Error("replaced by the integration");
}
