import type { Arch, Finding, Format, Platform } from "../../inspect/inspection.ts";
import type { JsonObject } from "../../log/events.ts";

/** Which artifact of a channel's current release is meant. */
export interface CurrentArtifactRequest {
  readonly platform: Platform;
  readonly arch?: Arch | undefined;
  readonly format?: Format | undefined;
}

export interface ReleaseHead {
  readonly metadata?: JsonObject | undefined;
  readonly app: string;
  readonly display_name?: string | undefined;
  readonly version: string;
  readonly build?: string | undefined;
  readonly channel?: string | null | undefined;
  readonly notes?: string | null | undefined;
  /** Applies to `publish` only. */
  readonly if_exists?: "fail" | "skip" | undefined;
}

export interface ArtifactRequest {
  readonly platform: Platform;
  readonly arch?: Arch | undefined;
  readonly format?: Format | undefined;
  readonly filename: string;
  readonly content_type?: string | undefined;
  readonly size?: number | undefined;
  readonly sha256: string;
  readonly metadata?: JsonObject | undefined;
}

export interface PublishRequest extends ReleaseHead {
  readonly artifacts: readonly ArtifactRequest[];
}

/** A release by id (`rel_…`), or by version and, where several builds of it exist, build. */
export interface ReleaseRef {
  readonly release: string;
  readonly build?: string | undefined;
}

/** What `dist ci publish --json` prints. */
export interface PublishResult {
  /** `promoted`: the release was there already and only the channel moved. */
  readonly status: "published" | "unchanged" | "promoted";
  readonly app: { readonly id: string; readonly slug: string };
  readonly release: {
    readonly id: string;
    readonly package_id: string;
    readonly version: string;
    readonly build: string;
    readonly channel: string | null;
    readonly manifest_sha256: string;
    readonly published_at: string;
    readonly url: string | null;
  };
  readonly artifacts: readonly PublishedArtifact[];
  readonly channel: PublishedChannel | null;
}

export type PublishedChannel =
  | {
      readonly name: string;
      readonly current_release_id: string | null;
      readonly previous_release_id: string | null;
    }
  | {
      readonly name: string;
      readonly promoted: false;
      readonly refusal: { readonly code: string; readonly message: string; readonly details: JsonObject };
      readonly current_release_id: string | null;
    };

export interface PublishedArtifact {
  readonly id: string;
  readonly platform: Platform;
  readonly arch: Arch;
  readonly format: Format;
  readonly filename: string;
  readonly content_type: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly blake3: string;
  readonly storage_key: string;
  readonly validation_status: "pending" | "passed" | "failed";
  readonly findings: readonly Finding[];
  readonly url: string | null;
}

export interface ArtifactRecord extends PublishedArtifact {
  readonly metadata: JsonObject;
  /** The picture found inside, an object of its own; null where there is none. */
  readonly icon_sha256: string | null;
}

/** One fact that differs: `from` and `to` for a value, `added` and `removed` for a set. */
export interface ArtifactChange {
  readonly fact:
    | "size_bytes"
    | "id"
    | "label"
    | "version"
    | "build"
    | "min_os"
    | "permissions"
    | "signers"
    | "findings";
  readonly from: string | number | null;
  readonly to: string | number | null;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** One place of a release, platform, arch and format, in two of them. */
export interface ArtifactComparison {
  readonly platform: Platform;
  readonly arch: Arch;
  readonly format: Format;
  /** `same` when the bytes are. */
  readonly status: "added" | "removed" | "changed" | "same";
  readonly changes: readonly ArtifactChange[];
}

export interface ReleaseComparison {
  /** The app's slug. */
  readonly app: string;
  readonly from: Pick<ReleaseRecord, "id" | "version" | "build" | "status" | "published_at">;
  readonly to: ReleaseComparison["from"];
  readonly artifacts: readonly ArtifactComparison[];
}

export interface ReleaseRecord {
  readonly id: string;
  readonly app_id: string;
  /** The app's slug. */
  readonly app: string;
  readonly package_id: string;
  readonly version: string;
  readonly build: string;
  readonly status: "draft" | "published" | "revoked" | "deleted";
  /** The channel it was published for. */
  readonly channel: string | null;
  /** The channels that point at it now. */
  readonly current_in: readonly string[];
  /** The channels that point at it, or ever did. Empty for callers without `read`. */
  readonly was_current_in: readonly string[];
  /** Short notes as they are; notes beyond 16 KiB stand as the object `notes_sha256`. */
  readonly notes: string | null;
  readonly notes_sha256: string | null;
  readonly manifest_sha256: string | null;
  /** Null for callers without `read`. */
  readonly created_by: string | null;
  readonly created_at: string;
  readonly published_at: string | null;
  readonly revoked_at: string | null;
  readonly deleted_at: string | null;
  readonly url: string | null;
  readonly artifacts: readonly ArtifactRecord[];
}
