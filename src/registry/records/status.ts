import type { ChannelRecord } from "./channels.ts";

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

/** What somebody may have to decide. */
export const decisionKinds = [
  "release.waiting",
  "rollout.partial",
  "rollout.halted",
  "release.findings",
  "certificate.expiring",
  "token.expiring",
  "package.eligible",
  "draft.idle",
] as const;
export type DecisionKind = (typeof decisionKinds)[number];

export interface Decision {
  readonly kind: DecisionKind;
  /** `act`: somebody must do something; `warn`: soon, or something is not as it should be; `info`: somebody may. */
  readonly severity: "act" | "warn" | "info";
  readonly app: string | null;
  readonly channel: string | null;
  readonly release_id: string | null;
  readonly version: string | null;
  readonly build: string | null;
  readonly token_id: string | null;
  /** Of artifacts, or packages. */
  readonly count: number | null;
  readonly size_bytes: number | null;
  readonly since: string | null;
  /** When it can be done, or ends. */
  readonly due_at: string | null;
  readonly message: string;
  /** The command for it. */
  readonly command: string;
}

export interface StoreDecisions {
  readonly log_head: number;
  readonly at: string;
  /** Latest first, at most 25 of a kind. */
  readonly decisions: readonly Decision[];
  /** Kinds of which there are more. */
  readonly more: readonly DecisionKind[];
  /** Null for callers who may neither administer nor audit the whole store. */
  readonly health: {
    readonly database: {
      readonly engine: string;
      readonly schema_version: number;
      readonly size_bytes: number;
      /** How long a read took. */
      readonly answer_ms: number;
    };
    readonly storage: {
      readonly backend: string;
      /** Codes of what is wrong. */
      readonly problems: readonly string[];
      /** Of the file system that has the objects; null where they are elsewhere. */
      readonly free_bytes: number | null;
      readonly total_bytes: number | null;
    };
    /** Servers of the store seen within a day, the last seen first. */
    readonly nodes: readonly { readonly name: string; readonly seen_at: string; readonly live: boolean }[];
    readonly jobs: readonly {
      readonly name: string;
      readonly running: boolean;
      readonly started_at: string | null;
      /** Null while it runs, and for a run that came to no end. */
      readonly finished_at: string | null;
    }[];
  } | null;
}
