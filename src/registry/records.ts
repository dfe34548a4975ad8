import type { Readable } from "node:stream";

import type { Arch, Finding, Format, Platform } from "../inspect/inspection.ts";
import type { JsonObject } from "../log/events.ts";

/**
 * What goes into the registry's methods and what comes out: the JSON that the command line prints and HTTP answers, names
 * in snake_case; absent values are null, never omitted.
 */

export interface PageRequest {
  /** 1 to 1,000; 50 when absent. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface ReportOptions {
  readonly onProgress?: (progress: {
    readonly phase: string;
    readonly done: number;
    readonly total: number | null;
    /** What is counted; things when absent. */
    readonly unit?: "bytes";
  }) => void;
  readonly signal?: AbortSignal;
}

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

export interface UploadSource {
  /** A fresh pass over the bytes from `start`, 0 when absent. A chunk is good only until the next one is asked for. */
  open(start?: number): AsyncIterable<Uint8Array>;
  /** Undefined when it is not known before the end. */
  readonly sizeBytes?: number;
}

export interface UploadOptions {
  readonly expected?: { readonly size?: number | undefined; readonly sha256?: string | undefined };
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface UploadedObject {
  readonly sha256: string;
  readonly blake3: string;
  readonly size_bytes: number;
  /** Whether the caller could have known that these bytes were here. */
  readonly existed: boolean;
  readonly lease_expires_at: string;
}

/** An upload that arrives in pieces. */
export interface UploadRecord {
  readonly id: string;
  readonly size_bytes: number;
  /** Bytes before it are durable; the next piece begins here. It reaches `size_bytes` only together with `object`. */
  readonly offset: number;
  /** What its client said of it when it began. */
  readonly metadata: string | null;
  readonly expires_at: string;
  /** What was stored, once every byte is here. */
  readonly object: UploadedObject | null;
}

/** One piece of an upload. */
export interface UploadPiece {
  /** Where it begins. */
  readonly offset: number;
  /** Its length, where that is known before the end. */
  readonly sizeBytes?: number | undefined;
  /** Called once the piece is accepted; a chunk is good only until the next one is asked for. */
  open(): AsyncIterable<Uint8Array>;
  /** What the piece's bytes must hash to; without it as much as arrives of a piece counts. */
  readonly checksum?: { readonly algorithm: string; readonly digest: Uint8Array } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What may be known of an object. */
export interface ObjectRecord {
  readonly sha256: string;
  readonly blake3: string;
  readonly size_bytes: number;
}

/** An object that may be read, with what a download says about it. */
export interface OpenedObject extends ObjectRecord {
  readonly content_type: string;
  /** The artifact's; null for notes and manifests. */
  readonly filename: string | null;
  /** True when anonymous callers may read it, so that any cache may keep it. */
  readonly is_public: boolean;
  /** What its download is counted as; null for what is no file of a release, and where it comes from another server. */
  readonly counted: CountedFile | null;
  /** Below the store directory, for a proxy that sends the bytes itself; null when there is no such file here. */
  readonly physical_key: string | null;
  /** The same file as a `file:` URL. */
  readonly file_url: string | null;
  /** The bytes, or those from `start` to `end`, both inclusive. */
  read(range?: ObjectRange): Promise<Readable>;
  /**
   * The same bytes for whoever passes them on: a chunk is good only until the next one is asked for. Iterated once, or
   * destroyed.
   */
  readChunks(range?: ObjectRange): Promise<AsyncIterable<Uint8Array> & { destroy(): void }>;
  /** An address at which the store itself gives the bytes for a while; null where they come from here. */
  presign(head: {
    readonly disposition: string;
    readonly contentType: string;
    readonly expiresInSeconds: number;
  }): Promise<string | null>;
}

/** A file of a release, as downloads are counted. */
export interface CountedFile {
  readonly app_id: string;
  /** By which the visitor came; empty when that is not known, or no channel of the app. */
  readonly channel: string;
  readonly release_id: string;
  readonly platform: string;
}

/** Bytes of an object, both ends inclusive; to its end without one. */
export interface ObjectRange {
  readonly start: number;
  readonly end?: number;
}

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

export const scopes = [
  "read",
  "publish",
  "promote",
  "package.write",
  "package.read",
  "retention",
  "token",
  "audit",
  "admin",
] as const;
export type Scope = (typeof scopes)[number];

export interface TokenRequest {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly app?: string | null;
  readonly channel?: string | null;
  /** A duration from now, such as `30d`; null for a token that does not expire. */
  readonly expires_in?: string | null;
}

/** Somebody who is signed in to the console, in one browser. */
export interface SessionRecord {
  readonly id: string;
  readonly actor: string;
  /** The token that it was made from and ends with; null for a person whom a provider vouched for. */
  readonly token_id: string | null;
  readonly scopes: readonly Scope[];
  readonly app: string | null;
  readonly channel: string | null;
  /** As the browser names itself. */
  readonly user_agent: string | null;
  readonly created_at: string;
  /** Exact to a minute. */
  readonly last_seen_at: string;
  readonly expires_at: string;
}

/** Whose sessions; everybody's when absent, for those who may see them. */
export type SessionListRequest = PageRequest & { readonly actor?: string };

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly app: string | null;
  readonly channel: string | null;
  readonly status: "active" | "revoked" | "expired";
  readonly created_by: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

export interface ShareRecord {
  readonly id: string;
  readonly app: string;
  /** Null: every channel of the app. */
  readonly channel: string | null;
  readonly status: "active" | "revoked" | "expired";
  readonly created_by: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly revoked_at: string | null;
  /** What to hand out, where a server knows its address; with the secret in it in the answer of `createShare` only. */
  readonly url: string | null;
}

/** What makes an address a signed one: a device that follows it needs no credentials until it ends. */
export interface LinkSignature {
  /** In whole seconds, as the address says it. */
  readonly expires_at: string;
  /** 64 lower-case hexadecimal digits. */
  readonly signature: string;
}

/** A signed address of one artifact's bytes. */
export interface DownloadLink extends LinkSignature {
  readonly sha256: string;
  readonly artifact_id: string;
  /** The whole address, where a server knows its own. */
  readonly url: string | null;
}

/** What `manifest.plist` tells a device that installs an in-house app. */
export interface InstallManifest {
  readonly bundle_id: string;
  /**
   * Apple's field is the bundle version (`CFBundleVersion`), which a release carries as its build; the version stands in
   * for a release without one.
   */
  readonly bundle_version: string;
  readonly title: string;
  readonly ipa: DownloadLink;
}

export interface AuditFilter {
  readonly app?: string;
  readonly actor?: string;
  /** The event type, with or without `v1.`. */
  readonly action?: string;
  readonly target?: string;
  /** RFC 3339, inclusive. */
  readonly since?: string;
  /** RFC 3339, exclusive. */
  readonly until?: string;
  readonly order?: "ascending" | "descending";
}

export interface AuditRecord {
  /** The event's place in the log. */
  readonly id: number;
  readonly action: string;
  readonly actor: string;
  readonly actor_id: string | null;
  readonly target_type: string;
  readonly target_id: string;
  readonly metadata: JsonObject;
  readonly created_at: string;
}

export interface EventRequest {
  /** The number of the last event that is known already; 0 for the start of the log. */
  readonly after: number;
  /** 1 to 1,000; 50 when absent. */
  readonly limit?: number;
  /** The log that `after` counts in, where the caller knows it. */
  readonly log_id?: string;
}

export interface EventPage {
  readonly log_id: string;
  /** The number of the log's last event. */
  readonly head: number;
  /** Ascending, without a gap. */
  readonly items: readonly EventEntry[];
}

/** An event as recorded, but for the hashes of secrets; only its number where the caller may not see more. */
export type EventEntry = EventRecord | { readonly seq: number };

export interface EventRecord {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly actor: string;
  readonly subject: string;
  readonly data: JsonObject;
}

export interface Problem {
  /** Stable dotted code. */
  readonly code: string;
  readonly message: string;
  readonly target: string;
}

/** What an S3-compatible store does; see `docs/reference/configuration.md`. */
export interface StorageAbilities {
  readonly checks_content_md5: boolean;
  readonly conditional_put: boolean;
  readonly ranges: boolean;
  readonly versioning: boolean;
  readonly object_lock: boolean;
}

/** Whether a store works now. */
export interface StoreReadiness {
  readonly problems: readonly Problem[];
  readonly storage: Pick<StoreStatus["storage"], "backend" | "abilities">;
}

export interface StoreStatus {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly log_id: string;
  readonly head: number;
  readonly schema_version: number;
  readonly database: { readonly engine: string; readonly size_bytes: number };
  readonly storage: {
    readonly backend: string;
    readonly objects: number;
    readonly bytes: number;
    /** What the object store was found to do; null for a directory, and while it does not answer. */
    readonly abilities: StorageAbilities | null;
  };
  readonly counts: {
    readonly apps: number;
    readonly releases: number;
    readonly drafts: number;
    readonly packages: number;
    readonly tokens: number;
  };
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** What cleanup would take away. */
  readonly collectable: readonly {
    readonly id: string;
    readonly kind: "object" | "file" | "staging";
    readonly bytes: number;
  }[];
  readonly checked: {
    readonly events: number;
    readonly objects: number;
    readonly bytes: number;
    readonly references: number;
  };
}

export interface RebuildReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly events: number;
  /** Rows compared, by view. */
  readonly views: { readonly [view: string]: number };
}

export interface CleanupEntry {
  readonly id: string;
  readonly kind: "release" | "draft" | "package" | "object" | "file" | "staging";
  readonly bytes: number;
}

export interface CleanupReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** False for a dry run: `deleted` is then what would go. */
  readonly applied: boolean;
  readonly kept: readonly CleanupEntry[];
  readonly deleted: readonly CleanupEntry[];
  /** Why, by id. */
  readonly reasons: { readonly [id: string]: readonly Reason[] };
  readonly next: string | null;
}

/** One reason why something stays or goes. */
export interface Reason {
  /** `channel.current`, `channel.window`, `app.window`, `class`, `draft.open`, `unreferenced`, … */
  readonly rule: string;
  readonly until: string | null;
  /** The channel, hold or package the rule rests on. */
  readonly ref: string | null;
  readonly text: string;
}

/** What a run found to be locked by the object store. */
export interface LockReport {
  /** Objects that it locked, or locked further. */
  readonly objects: number;
  /** Packages of which some objects are not locked as they should be; they are tried again. */
  readonly pending: number;
  /** Why, by object. */
  readonly problems: readonly Problem[];
}

/** Rows of state that moved with a store. */
export interface MovedState {
  readonly signing_keys: number;
  readonly token_uses: number;
  readonly leases: number;
  /** Answers kept for requests that may be sent again. */
  readonly answers: number;
  /** Counts of downloads: by day, app, channel, release and platform. */
  readonly download_days: number;
}

/** A store that stands in another place now, proven to be the same. */
export interface MigrationReport {
  readonly ok: true;
  readonly log_id: string;
  /** The log's last event, and its leaf hash in hex: the same in source and target. */
  readonly head: number;
  readonly leaf_hash: string | null;
  /** Events that this run brought. */
  readonly events: number;
  readonly objects: {
    /** Sent and hashed by this run. */
    readonly copied: number;
    readonly copied_bytes: number;
    /** Of all objects of the store. */
    readonly total: number;
    readonly total_bytes: number;
  };
  readonly state: MovedState;
  /** Uploads in pieces that were under way in the source and stay there. */
  readonly uploads_left: number;
  /** How long nobody could write to the source. */
  readonly write_stop_ms: number;
}

export interface ImportReport {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly log_id: string;
  readonly events: number;
  readonly objects: { readonly adopted: number; readonly missing: readonly string[] };
}
