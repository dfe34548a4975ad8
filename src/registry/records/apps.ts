import type { Platform } from "../../inspect/inspection.ts";

export type Visibility = "public" | "unlisted" | "private";
export type SignerPinning = "first_use" | "manual";
export type IosMode = "artifact_only" | "testflight" | "enterprise";

export interface AppRecord {
  readonly id: string;
  readonly slug: string;
  readonly display_name: string;
  readonly owner: string | null;
  readonly visibility: Visibility;
  readonly allowed_platforms: readonly Platform[];
  readonly bundle_ids: { readonly [platform: string]: string };
  readonly ios_mode: IosMode;
  readonly testflight_url: string | null;
  /** Who may sign, by platform. Empty for callers without `read`. */
  readonly identity_constraints: { readonly [platform: string]: readonly string[] };
  /** `first_use` pins who signs the first release of a platform; `manual` leaves it to an administrator. */
  readonly signer_pinning: SignerPinning;
  readonly retention_keep: number;
  readonly retention_class: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** Settings to change; absent keys stay as they are. Values are checked by the registry, so callers pass text through. */
export interface AppChanges {
  readonly display_name?: string;
  readonly owner?: string | null;
  readonly visibility?: string;
  readonly allowed_platforms?: readonly string[];
  /** Merged by platform; null removes one. */
  readonly bundle_ids?: { readonly [platform: string]: string | null };
  readonly ios_mode?: string;
  readonly testflight_url?: string | null;
  /** Added to the platform's pins. */
  readonly pin?: { readonly [platform: string]: readonly string[] };
  /** Platforms whose pins are all removed. */
  readonly unpin?: readonly string[];
  /** Why pins are changed; needed where a platform has some already. */
  readonly reason?: string;
  readonly signer_pinning?: string;
  readonly retention_keep?: number;
  readonly retention_class?: string | null;
}
