import type { Clock } from "../base/clock.ts";
import type { BlobStore } from "../blob/blob-store.ts";
import type { Database } from "../catalog/database.ts";
import type { Idempotency } from "./idempotency.ts";
import type { StoreSettings } from "./store-settings.ts";
import type { Principal } from "./principal.ts";
import type { LiveUploads } from "./uploads/live-uploads.ts";

/** What a use case works with: one store, and who is asking. */
export interface Context {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly uploads: LiveUploads;
  readonly clock: Clock;
  readonly settings: StoreSettings;
  readonly principal: Principal;
  /** Set for a request that may be sent again. */
  readonly idempotency?: Idempotency | undefined;
}
