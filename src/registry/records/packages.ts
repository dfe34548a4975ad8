import type { Readable } from "node:stream";

import type { JsonObject } from "../../log/events.ts";
import type { PageRequest } from "./pages.ts";
import type { ReleaseName } from "./status.ts";
import type { Problem, Reason } from "./store.ts";

export const packageStatuses = ["created", "uploading", "finalized", "failed", "deleted"] as const;
export type PackageStatus = (typeof packageStatuses)[number];

export interface PackageRequest {
  /** `release` is the registry's own. */
  readonly kind: string;
  readonly producer?: string | null;
  readonly subject?: string | null;
  /** The store's default class when absent. */
  readonly retention_class?: string;
  readonly metadata?: JsonObject;
  /**
   * What makes two requests one: a package with this key that neither failed nor was deleted is answered instead of a new one.
   * At most 128 characters of `[A-Za-z0-9._:-]`.
   */
  readonly key?: string | null;
}

export interface PackageRecord {
  readonly id: string;
  readonly kind: string;
  readonly status: PackageStatus;
  /** The app's slug, for the package that a release is. */
  readonly app: string | null;
  readonly producer: string | null;
  readonly subject: string | null;
  readonly metadata: JsonObject;
  readonly retention_class: string | null;
  readonly retrieval_tier: "hot" | "cold";
  readonly manifest_sha256: string | null;
  readonly manifest_size_bytes: number | null;
  readonly file_count: number;
  readonly size_bytes: number;
  readonly key: string | null;
  readonly created_at: string;
  readonly finalized_at: string | null;
  readonly failed_at: string | null;
  readonly fail_reason: string | null;
  readonly deleted_at: string | null;
}

/** A package in a list, with what keeps it. */
export interface ListedPackage extends PackageRecord {
  /** The release that it is, if it is one. */
  readonly release: ReleaseName | null;
  readonly kept_by: {
    /** How many holds are on it. */
    readonly holds: number;
    /** When its class and extensions let it go; null for never, and for what has neither. */
    readonly expires_at: string | null;
    /** The channels that point at it, if it is a release. */
    readonly channels: readonly string[];
  };
  /** When its period ended, or a sweep found that a release has none left to keep it. Null while something keeps it. */
  readonly due_at: string | null;
}

/** A package, and whether this call made it. */
export interface CreatedPackage extends PackageRecord {
  readonly created: boolean;
}

export interface PackageFilter {
  readonly status?: string;
  readonly kind?: string;
  readonly producer?: string;
  readonly subject?: string;
  readonly retention_class?: string;
  /** Every key must have the value: a top-level scalar, compared as text. */
  readonly metadata?: { readonly [key: string]: string };
  /** Those that may go now, and no others; a release from when a sweep found it. A page can have fewer than its limit. */
  readonly eligible?: boolean;
  /** Created at or after, RFC 3339. */
  readonly since?: string;
  /** Created before, RFC 3339. */
  readonly until?: string;
}

export type PackageListRequest = PackageFilter & PageRequest;

/** A file to be, of bytes that were uploaded or that the caller may read. */
export interface PackageFileRequest {
  /** Logical, relative, with `/` between its segments. */
  readonly path: string;
  readonly sha256: string;
  /** By the name's extension when absent. */
  readonly media_type?: string;
}

export interface PackageFileRecord {
  readonly path: string;
  readonly sha256: string;
  readonly blake3: string;
  readonly size_bytes: number;
  readonly media_type: string;
}

export const archiveFormats = ["tar", "zip"] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];

export interface OpenedArchive {
  /** Such as `pkg_….tar`. */
  readonly filename: string;
  readonly content_type: string;
  /** Read to its end, or destroyed. It fails where a file's bytes are not those of its digest. */
  readonly stream: Readable;
}

export interface PackageVerifyReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly package_id: string | null;
  readonly manifest_sha256: string | null;
  readonly checked: { readonly files: number; readonly bytes: number };
}

export interface RetentionClassRecord {
  readonly name: string;
  /** Such as `180d`; null for a class that never ends. */
  readonly default_duration: string | null;
  /** Whether packages get it that name no class. */
  readonly is_default: boolean;
}

export interface HoldRecord {
  readonly id: string;
  readonly package_id: string;
  readonly reason: string;
  readonly case: string | null;
  readonly actor: string;
  readonly applied_at: string;
  readonly released_at: string | null;
  readonly released_by: string | null;
  readonly release_reason: string | null;
}

export interface ExtensionRecord {
  readonly new_expires_at: string;
  /** Null for a release without a class. */
  readonly previous_expires_at: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly at: string;
}

/** What keeps a package, or since when it may go. */
export interface RetentionRecord {
  readonly package_id: string;
  readonly retention_class: string | null;
  /** Null for never, and for a release without a class. */
  readonly current_expires_at: string | null;
  /** Active ones, oldest first. */
  readonly holds: readonly HoldRecord[];
  /** Oldest first. */
  readonly extensions: readonly ExtensionRecord[];
  /** As of this moment, whatever was recorded. */
  readonly eligible_for_deletion: boolean;
  /** When a sweep recorded that it may go; null while it did not. */
  readonly marked_at: string | null;
  /**
   * Whether the object store itself refuses to delete the package's bytes as long as retention wants it: `pending` until it does.
   * Null where it locks nothing, and for a package that nothing keeps by itself.
   */
  readonly lock: "pending" | "applied" | null;
  /** Until when it refuses at least, for every byte of the package; renewed while something without an end keeps it. */
  readonly locked_until: string | null;
  /** What keeps it; or, when nothing does, by which rule it may go and since when. */
  readonly reasons: readonly Reason[];
}

/** One event of a package's retention. */
export interface RetentionHistoryRecord {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly actor: string;
  readonly subject: string;
  readonly data: JsonObject;
}

export interface SweepReport {
  readonly ok: true;
  /** The moment that it judged by. */
  readonly at: string;
  /** Packages that it found to be deletable now, and recorded so. */
  readonly marked: readonly string[];
  /** Packages that are needed again, and recorded so. */
  readonly unmarked: readonly string[];
}
