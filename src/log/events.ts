/**
 * The events: every change the product acknowledges is one of these. `data` is what canonical CBOR can carry and holds
 * ids, digests and values; never a storage location, never a secret.
 */

export interface PackageFileEntry {
  readonly path: string;
  readonly sha256: string;
  readonly blake3: string;
  readonly size: number;
  readonly media_type: string;
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

export interface AppSettings {
  readonly display_name: string;
  readonly owner: string | null;
  readonly visibility: string;
  readonly allowed_platforms: readonly string[];
  readonly bundle_ids: { readonly [platform: string]: string };
  readonly ios_mode: string;
  readonly testflight_url: string | null;
  readonly retention_keep: number;
  readonly retention_class: string | null;
  /** How signers come to be pinned; absent in events from before there was a choice, and then `first_use`. */
  readonly signer_pinning?: string;
}

export interface ChannelSettings {
  readonly promote: string;
  readonly require_validation: boolean;
  readonly from: string | null;
  readonly min_time_seconds: number;
  readonly rollout_percent: number;
  readonly retention_keep: number | null;
}

/** `data` by event type. Every map may also carry `actor_id`, the acting token's id. */
export interface EventData {
  "v1.app.created": { app_id: string; slug: string } & AppSettings;
  /** Only the settings that changed. */
  "v1.app.updated": { app_id: string; changes: Partial<AppSettings> };
  /** The whole set of pins after the change; `release_id` names the release whose signers were pinned at first use. */
  "v1.app.identity_changed": {
    app_id: string;
    pins: { readonly [platform: string]: readonly string[] };
    reason?: string | null;
    release_id?: string | null;
  };
  "v1.package.created": {
    app_id: string | null;
    package_id: string;
    kind: string;
    producer: string | null;
    subject: string | null;
    retention_class: string | null;
    metadata: JsonObject;
    /** What makes two requests one: whoever creates with the same key gets this package. */
    key: string | null;
    created_at: string;
  };
  "v1.package.file_added": { app_id: string | null; package_id: string; files: readonly PackageFileEntry[] };
  /** Other bytes at a path that is taken, before the package was finalized. */
  "v1.package.file_replaced": {
    app_id: string | null;
    package_id: string;
    file: PackageFileEntry;
    previous_sha256: string;
  };
  /** `artifact_id` names the artifact that the file was, in a release's package. */
  "v1.package.file_removed": {
    app_id: string | null;
    package_id: string;
    path: string;
    artifact_id: string | null;
  };
  "v1.package.finalized": {
    app_id: string | null;
    package_id: string;
    manifest_sha256: string;
    manifest_size: number;
    file_count: number;
    total_size: number;
    finalized_at: string;
  };
  "v1.package.failed": { app_id: string | null; package_id: string; reason: string };
  "v1.package.deleted": { app_id: string | null; package_id: string; reason: string };
  "v1.release.drafted": {
    app_id: string;
    release_id: string;
    package_id: string;
    version: string;
    build: string;
    channel: string | null;
    notes: string | null;
    notes_sha256: string | null;
  };
  "v1.artifact.validated": {
    app_id: string;
    release_id: string;
    artifact_id: string;
    platform: string;
    arch: string;
    format: string;
    filename: string;
    content_type: string;
    path: string;
    size: number;
    sha256: string;
    blake3: string;
    status: string;
    metadata: JsonObject;
    findings: readonly JsonObject[];
    /** The picture found inside, an object of its own. */
    icon?: { sha256: string; content_type: string } | null;
  };
  "v1.release.published": {
    app_id: string;
    release_id: string;
    channel: string | null;
  };
  "v1.release.revoked": { app_id: string; release_id: string; reason: string | null };
  "v1.release.deleted": { app_id: string; release_id: string; package_id: string; reason: string };
  "v1.channel.created": { app_id: string; channel: string } & ChannelSettings;
  /** The whole settings after the change. */
  "v1.channel.updated": { app_id: string; channel: string } & ChannelSettings;
  "v1.channel.promoted": {
    app_id: string;
    channel: string;
    release_id: string;
    previous_release_id: string | null;
    rollout_percent: number;
    reason: string | null;
  };
  /** `to_seq` is the promotion whose pointing is current again; null with `release_id` when none was left. */
  "v1.channel.rolled_back": {
    app_id: string;
    channel: string;
    release_id: string | null;
    previous_release_id: string;
    to_seq: number | null;
    cause: "rollback" | "revocation";
    reason: string | null;
  };
  "v1.retention.default_applied": {
    app_id: string | null;
    package_id: string;
    retention_class: string;
    expires_at: string | null;
  };
  /** `previous_expires_at` is null for a release without a class: until then nothing but windows kept it. */
  "v1.retention.extended": {
    app_id: string | null;
    package_id: string;
    new_expires_at: string;
    previous_expires_at: string | null;
    reason: string;
  };
  "v1.retention.hold_applied": {
    app_id: string | null;
    package_id: string;
    hold_id: string;
    reason: string;
    case: string | null;
  };
  "v1.retention.hold_released": {
    app_id: string | null;
    package_id: string;
    hold_id: string;
    reason: string;
  };
  /** Nothing keeps the package any more; the rules that let it go. */
  "v1.retention.deletion_eligible": { app_id: string | null; package_id: string; rules: readonly string[] };
  /** It is needed again after all; the rules that keep it. */
  "v1.retention.deletion_ineligible": { app_id: string | null; package_id: string; rules: readonly string[] };
  "v1.token.created": {
    token_id: string;
    name: string;
    token_hash: string;
    scopes: readonly string[];
    app: string | null;
    channel: string | null;
    expires_at: string | null;
  };
  "v1.token.used": { token_id: string };
  "v1.token.revoked": { token_id: string };
  "v1.share.created": {
    app_id: string;
    share_id: string;
    channel: string | null;
    secret_hash: string;
    expires_at: string;
  };
  "v1.share.revoked": { app_id: string; share_id: string };
  /** `bytes` is what had arrived of it. */
  "v1.upload.expired": { upload_id: string; bytes: number };
  "v1.object.stored": { sha256: string; blake3: string; size: number };
  "v1.object.deleted": { sha256: string; size: number };
  "v1.store.cleaned": {
    packages: number;
    releases: number;
    drafts: number;
    objects: number;
    staging: number;
    bytes: number;
  };
}

export type EventType = keyof EventData;

/** Every event type this version writes and reads. */
export const eventTypes = [
  "v1.app.created",
  "v1.app.updated",
  "v1.app.identity_changed",
  "v1.package.created",
  "v1.package.file_added",
  "v1.package.file_replaced",
  "v1.package.file_removed",
  "v1.package.finalized",
  "v1.package.failed",
  "v1.package.deleted",
  "v1.release.drafted",
  "v1.artifact.validated",
  "v1.release.published",
  "v1.release.revoked",
  "v1.release.deleted",
  "v1.channel.created",
  "v1.channel.updated",
  "v1.channel.promoted",
  "v1.channel.rolled_back",
  "v1.retention.default_applied",
  "v1.retention.extended",
  "v1.retention.hold_applied",
  "v1.retention.hold_released",
  "v1.retention.deletion_eligible",
  "v1.retention.deletion_ineligible",
  "v1.token.created",
  "v1.token.used",
  "v1.token.revoked",
  "v1.share.created",
  "v1.share.revoked",
  "v1.upload.expired",
  "v1.object.stored",
  "v1.object.deleted",
  "v1.store.cleaned",
] as const satisfies readonly EventType[];

/** One entry of the log, as encoded: canonical CBOR of exactly these six keys. */
export type DistEvent = {
  [T in EventType]: {
    readonly seq: number;
    readonly type: T;
    readonly at: string;
    readonly actor: string;
    readonly subject: string;
    readonly data: EventData[T] & { readonly actor_id?: string };
  };
}[EventType];

export type EventOf<T extends EventType> = Extract<DistEvent, { type: T }>;

/** An event before the log gives it `seq` and `at`. */
export type NewEvent = {
  [T in EventType]: { readonly type: T; readonly subject: string; readonly data: EventData[T] };
}[EventType];
