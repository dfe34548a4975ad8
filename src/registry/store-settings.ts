import type { Duration } from "../base/duration.ts";
import type { Visibility } from "./records.ts";

/** What an operator can set (`dist.toml`), as the registry needs it. */
export interface StoreSettings {
  readonly defaultVisibility: Visibility;
  /** How long leases, upload sessions and staging live. */
  readonly expireAfterMs: number;
  readonly maxUploadBytes: number;
  /** Default period by retention class; null never expires. */
  readonly retentionClasses: { readonly [name: string]: Duration | null };
}
