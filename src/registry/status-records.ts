import type { ChannelRecord } from "./records.ts";

/** A release, as sentences name it. */
export interface ReleaseName {
  readonly release_id: string;
  readonly version: string;
  readonly build: string;
}

/** One rule that a promotion is held against. */
export interface PromotionRule {
  readonly rule: "published" | "manual" | "require_validation" | "from" | "min_time" | "permission";
  readonly passed: boolean;
  /** What it was decided by, in words. */
  readonly fact: string;
  /** The code and the sentence of the refusal; null for a rule that passes. */
  readonly code: string | null;
  readonly message: string | null;
}

/** What a promotion would do, without doing it. */
export interface PromotionCheck {
  /** As it is now. */
  readonly channel: ChannelRecord;
  /** What it points at now; null for nothing. */
  readonly from: ReleaseName | null;
  readonly to: ReleaseName;
  /** Those that the channel has, in the order in which they refuse; one that it does not ask for is left out. */
  readonly rules: readonly PromotionRule[];
  /** Every rule passes. */
  readonly allowed: boolean;
  /** The event that made the channel point where it does: another one has moved it. Null while it never pointed anywhere. */
  readonly event_seq: number | null;
}
