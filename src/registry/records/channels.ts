import type { ReleaseRef } from "./releases.ts";

export interface ChannelRecord {
  readonly app_id: string;
  readonly app: string;
  readonly name: string;
  readonly current_release_id: string | null;
  /** Where a rollback would go. */
  readonly previous_release_id: string | null;
  readonly current_version: string | null;
  readonly current_build: string | null;
  readonly policy: {
    readonly promote: "auto" | "manual";
    readonly require_validation: boolean;
    readonly from: string | null;
    readonly min_time_seconds: number;
  };
  readonly rollout_percent: number;
  readonly retention_keep: number | null;
  readonly created_at: string;
  readonly updated_at: string;
  /** Answers of `promote` only: false when the channel pointed there already. */
  readonly moved?: boolean;
}

export interface ChannelChanges {
  readonly policy?: {
    readonly promote?: string;
    readonly require_validation?: boolean;
    readonly from?: string | null;
    readonly min_time_seconds?: number;
  };
  readonly rollout_percent?: number;
  readonly retention_keep?: number | null;
}

export interface PromoteRequest extends ReleaseRef {
  readonly reason?: string | null;
  /** 0 (halted) to 100; 100 when absent. */
  readonly rollout_percent?: number;
  /** The release id the caller believes is current. */
  readonly expect?: string;
}

export interface ChannelMoveRecord {
  readonly seq: number;
  readonly action: "promoted" | "rolled_back";
  /** `publish`, `promotion`, `rollback` or `revocation`. */
  readonly release_id: string | null;
  readonly version: string | null;
  readonly build: string | null;
  readonly previous_release_id: string | null;
  readonly rollout_percent: number;
  readonly actor: string;
  readonly reason: string | null;
  readonly at: string;
}
