import type { Platform } from "../inspect/inspection.ts";
import type { AppChanges, AppRecord } from "./records/apps.ts";
import type { ChannelChanges, ChannelMoveRecord, ChannelRecord, PromoteRequest } from "./records/channels.ts";
import type { EventPage, EventRequest, AuditFilter, AuditRecord } from "./records/events.ts";
import type { DownloadLink, ShareRecord } from "./records/links.ts";
import type {
  ObjectRecord,
  OpenedObject,
  UploadOptions,
  UploadPiece,
  UploadRecord,
  UploadSource,
  UploadedObject,
} from "./records/objects.ts";
import type {
  ArchiveFormat,
  CreatedPackage,
  HoldRecord,
  OpenedArchive,
  PackageFileRecord,
  PackageFileRequest,
  PackageListRequest,
  ListedPackage,
  PackageRecord,
  PackageRequest,
  PackageVerifyReport,
  RetentionClassRecord,
  RetentionHistoryRecord,
  RetentionRecord,
  SweepReport,
} from "./records/packages.ts";
import type { Page, PageRequest, ReportOptions } from "./records/pages.ts";
import type {
  ArtifactRecord,
  CurrentArtifactRequest,
  ArtifactRequest,
  PublishRequest,
  PublishResult,
  ReleaseHead,
  ReleaseComparison,
  ReleaseRecord,
  ReleaseRef,
} from "./records/releases.ts";
import type { SearchResult } from "./records/search.ts";
import type {
  AppStatistics,
  AppStatisticsRequest,
  StatisticsRequest,
  StorageUsage,
  StoreStatistics,
} from "./records/statistics.ts";
import type { PromotionCheck, StoreDecisions } from "./records/status.ts";
import type {
  CleanupReport,
  ImportReport,
  RebuildReport,
  StoreStatus,
  VerifyReport,
} from "./records/store.ts";
import type { TokenRecord, TokenRequest, SessionListRequest, SessionRecord } from "./records/tokens.ts";

/**
 * Everything the product can do, for one principal. `openStore(…).as(principal)` gives it on this machine;
 * `connect(url, token)` gives it over HTTP. Records are the JSON that the command line prints and HTTP answers,
 * names in snake_case; absent values are null, never omitted. Every method may raise `auth.*`; what else it raises
 * stands beside it. `store.*` and `transaction.outcome_unknown` can come from any of them.
 */
export interface Registry {
  // Apps -----------------------------------------------------------------------------------------------------------
  /** Raises `app.invalid_*`, `transaction.integrity` (rule `app.slug_taken`). */
  createApp(slug: string, settings: AppChanges): Promise<AppRecord>;
  /** Changes the given settings only. Raises `app.not_found`, `app.invalid_*`. */
  updateApp(slug: string, changes: AppChanges): Promise<AppRecord>;
  getApp(slug: string): Promise<AppRecord>;
  listApps(page?: PageRequest): Promise<Page<AppRecord>>;

  // Bytes ----------------------------------------------------------------------------------------------------------
  /**
   * Stores the bytes of `source`, durably, leased to this principal. Raises `validation.size_mismatch`,
   * `validation.digest_mismatch` when `expected` is not what arrived, `blob.too_large`, or what the source raised.
   */
  uploadObject(source: UploadSource, options?: UploadOptions): Promise<UploadedObject>;
  /**
   * Stores many small objects, on this machine recorded in one transaction: all of them or none. Answers in the order given.
   * Raises what `uploadObject` raises.
   */
  uploadObjects(
    sources: readonly UploadSource[],
    options?: Pick<UploadOptions, "signal">,
  ): Promise<readonly UploadedObject[]>;
  /** Begins an upload that arrives in pieces. Raises `upload.invalid_size`, `upload.invalid_metadata`, `blob.too_large`. */
  createUpload(request: { size_bytes: number; metadata?: string | null }): Promise<UploadRecord>;
  /** Raises `upload.not_found`, `upload.expired`. */
  getUpload(id: string): Promise<UploadRecord>;
  /**
   * Adds a piece; whoever wrote before is stopped. What arrives before the piece breaks off counts, unless it has a checksum. With the
   * last byte the whole becomes an object, leased to this principal. Raises what `getUpload` raises, `upload.offset_mismatch`,
   * `upload.taken_over`, `upload.too_many_parts`, `upload.checksum_mismatch`, `blob.too_large`, or what the piece raised.
   */
  appendUpload(id: string, piece: UploadPiece): Promise<UploadRecord>;
  /** Forgets an upload and its bytes; an object that came of it stays. Raises what `getUpload` raises. */
  endUpload(id: string): Promise<void>;
  /** What the caller may know of an object; null when they may not know of it, be it here or not. */
  lookupObject(sha256: string): Promise<ObjectRecord | null>;
  /** Leases a known object anew. Raises `object.not_found`. */
  leaseObject(sha256: string): Promise<UploadedObject>;
  /**
   * Opens an object that something readable names. Raises `object.not_found`, `release.revoked`, `package.deleted`,
   * `auth.missing_token` for an IPA without credentials. `channel` is what a server counts the download under, if the app has it.
   */
  openObject(
    sha256: string,
    options?: { artifact?: string | undefined; channel?: string | undefined },
  ): Promise<OpenedObject>;
  /**
   * A signed address of an artifact of a published release: it opens these bytes without credentials, for an hour when
   * nothing is said, seven days at most, and never longer than the caller's own credential. Needs `read`. Raises
   * `release.not_found`, `release.not_published`, `release.revoked`, `object.not_found`, `duration.invalid`,
   * `download.link_too_long`.
   */
  signDownload(
    app: string,
    release: ReleaseRef,
    artifact: string,
    options?: { expires_in?: string },
  ): Promise<DownloadLink>;
  /**
   * The artifact that a channel's current release has for a platform: of several, universal first, then x86_64, arm64 and
   * the others by name; formats in their order. Raises `channel.not_found`, `release.not_found`.
   */
  currentArtifact(app: string, channel: string, request: CurrentArtifactRequest): Promise<ArtifactRecord>;

  // Releases -------------------------------------------------------------------------------------------------------
  /** What `publish` would refuse before any byte is sent, raised now. Changes nothing. */
  checkPublish(request: ReleaseHead & { artifacts: readonly { platform: Platform }[] }): Promise<void>;
  /** Publishes a whole release from uploaded objects, in one transaction. Raises `object.missing`, `validation.*`, … */
  publish(request: PublishRequest): Promise<PublishResult>;
  /** Opens a draft, or returns the one that is open. */
  draftRelease(request: ReleaseHead): Promise<ReleaseRecord>;
  /** Adds one artifact to a draft. The same bytes again change nothing; other bytes need `replace`. */
  attachArtifact(
    app: string,
    release: ReleaseRef,
    artifact: ArtifactRequest,
    options?: { replace?: boolean },
  ): Promise<ReleaseRecord>;
  /** Publishes a draft. A release that is published already comes back with status `unchanged`. */
  publishDraft(
    app: string,
    release: ReleaseRef,
    options?: { channel?: string | null },
  ): Promise<PublishResult>;
  getRelease(app: string, release: ReleaseRef): Promise<ReleaseRecord>;
  /** What differs from one release of an app to another. */
  compareReleases(app: string, from: ReleaseRef, to: ReleaseRef): Promise<ReleaseComparison>;
  listReleases(app: string, options?: PageRequest & { channel?: string }): Promise<Page<ReleaseRecord>>;
  /** Final. Rolls back every channel that points at it, in the same transaction. */
  revokeRelease(
    app: string,
    release: ReleaseRef,
    options?: { reason?: string | null },
  ): Promise<ReleaseRecord>;

  // Channels -------------------------------------------------------------------------------------------------------
  listChannels(app: string): Promise<Page<ChannelRecord>>;
  getChannel(app: string, channel: string): Promise<ChannelRecord>;
  /** Creates the channel when it is missing; keeps the settings that are absent. */
  setChannel(app: string, channel: string, changes: ChannelChanges): Promise<ChannelRecord>;
  /** Raises `channel.policy_refused`, `channel.moved`, `release.not_published`, `release.revoked`, … */
  promote(app: string, channel: string, request: PromoteRequest): Promise<ChannelRecord>;
  /** What `promote` would say to this caller, rule by rule; moves nothing. */
  checkPromotion(app: string, channel: string, release: ReleaseRef): Promise<PromotionCheck>;
  /** Raises `channel.no_previous_release`, `channel.moved`. */
  rollback(
    app: string,
    channel: string,
    request?: { reason?: string | null; expect?: string },
  ): Promise<ChannelRecord>;
  /** Oldest first. */
  channelHistory(app: string, channel: string, page?: PageRequest): Promise<Page<ChannelMoveRecord>>;

  // Tokens ---------------------------------------------------------------------------------------------------------
  /** The only answer that ever holds `secret`. */
  createToken(request: TokenRequest): Promise<TokenRecord & { secret: string }>;
  listTokens(page?: PageRequest): Promise<Page<TokenRecord>>;
  revokeToken(id: string): Promise<TokenRecord>;

  // Sessions of the console ---------------------------------------------------------------------------------------
  /**
   * Newest first: the caller's own; everybody's, or one actor's, with `admin` for the whole store. Any token may ask. Raises
   * `auth.missing_scope`.
   */
  listSessions(request?: SessionListRequest): Promise<Page<SessionRecord>>;
  /** Ends it at once, and answers what it was. Raises `session.not_found`. */
  endSession(id: string): Promise<SessionRecord>;

  // Shares ---------------------------------------------------------------------------------------------------------
  /** The only answer that ever holds `secret`. Raises `share.too_long`, `channel.not_found`, `duration.invalid`. */
  createShare(
    app: string,
    request?: { channel?: string | null; expires_in?: string },
  ): Promise<ShareRecord & { secret: string }>;
  listShares(app: string, page?: PageRequest): Promise<Page<ShareRecord>>;
  /** Raises `share.not_found`. */
  revokeShare(app: string, id: string): Promise<ShareRecord>;

  // Audit ----------------------------------------------------------------------------------------------------------
  /** Newest first; oldest first when `order` is `ascending`. */
  listAudit(filter?: AuditFilter & PageRequest): Promise<Page<AuditRecord>>;
  /** The log behind an event, oldest first. Raises `events.cursor_unknown`, `page.invalid_cursor`, `page.invalid_limit`. */
  readEvents(request: EventRequest): Promise<EventPage>;

  // Statistics -----------------------------------------------------------------------------------------------------
  /** Downloads and publications of an app by day. Raises `app.not_found`, `channel.not_found`, `statistics.invalid_days`. */
  appStatistics(app: string, request?: AppStatisticsRequest): Promise<AppStatistics>;
  /** Downloads, publications and events of the store over time. Raises `statistics.invalid_days`. */
  storeStatistics(request?: StatisticsRequest): Promise<StoreStatistics>;
  /** What the store keeps, by class, state, app and age. */
  storageUsage(): Promise<StorageUsage>;

  /** What needs a decision, as far as the caller may see it, and how the store is. Any token may ask. */
  storeDecisions(): Promise<StoreDecisions>;

  // Search ---------------------------------------------------------------------------------------------------------
  /**
   * What is called so, as far as the caller may see it: apps, releases, packages and tokens by name, version or id, files by SHA-256 or its
   * beginning. Any token may ask. Raises `search.invalid_query`.
   */
  search(query: string): Promise<SearchResult>;

  // Packages -------------------------------------------------------------------------------------------------------
  /**
   * Creates a package, with its class's default period from now on; or answers the one that has the same key. Raises
   * `package.invalid_*`, `retention.unknown_class`, `transaction.integrity` (rule `package.key_mismatch`) when that one is of
   * another kind, producer, subject or other metadata, or of another class than the one named.
   */
  createPackage(request: PackageRequest): Promise<CreatedPackage>;
  /** Raises `package.not_found`, as everything below that names a package. */
  getPackage(id: string): Promise<PackageRecord>;
  /** Newest first; the eligible ones by when they became so, latest first. Raises `page.*`, `package.invalid_filter`. */
  listPackages(request?: PackageListRequest): Promise<Page<ListedPackage>>;
  /** In bytewise order of their paths; also of a deleted package. */
  listPackageFiles(id: string, page?: PageRequest): Promise<Page<PackageFileRecord>>;
  /**
   * Adds up to 1,000 files, all or none, and frees the leases on their bytes. A file that is there with the same bytes stays as it
   * is; other bytes need `replace`. Raises `package.not_open`, `package.invalid_path`, `package.duplicate_path`, `object.missing`,
   * `package.too_many_files`.
   */
  addPackageFiles(
    id: string,
    files: readonly PackageFileRequest[],
    options?: { replace?: boolean },
  ): Promise<readonly PackageFileRecord[]>;
  /** Answers the entry that is gone. Raises `package.not_open`, `package.file_not_found`. */
  removePackageFile(id: string, path: string): Promise<PackageFileRecord>;
  /** Finalized again it is answered as it is. Raises `package.not_open`, `package.empty`, `package.changed`, `object.missing`. */
  finalizePackage(id: string): Promise<PackageRecord>;
  /** Raises `package.not_open`, `retention.reason_required`. */
  failPackage(id: string, request: { reason: string }): Promise<PackageRecord>;
  /** Raises `package.file_not_found`, `package.deleted`, and what `openObject` raises about a release's file. */
  openPackageFile(id: string, path: string): Promise<OpenedObject>;
  /** All files of a package as one archive, under their paths. Raises what `openPackageFile` raises. */
  openPackageArchive(id: string, format: ArchiveFormat): Promise<OpenedArchive>;
  /** The manifest's canonical CBOR; of a deleted package too. Raises `package.not_finalized`. */
  packageManifest(id: string): Promise<Uint8Array>;
  /** Reads every byte that is stored of a package, and compares it with its manifest. Raises `package.deleted`. */
  verifyPackage(id: string, options?: ReportOptions): Promise<PackageVerifyReport>;

  // Retention ------------------------------------------------------------------------------------------------------
  retentionClasses(): Promise<Page<RetentionClassRecord>>;
  getRetention(id: string): Promise<RetentionRecord>;
  /** Raises `retention.not_later`, `retention.reason_required`, `retention.permanent`, `package.deleted`. */
  extendRetention(id: string, request: { new_expires_at: string; reason: string }): Promise<RetentionRecord>;
  /** Raises `retention.reason_required`, `package.deleted`. */
  holdPackage(id: string, request: { reason: string; case?: string | null }): Promise<HoldRecord>;
  /** Raises `hold.not_found`, `hold.already_released`, `retention.reason_required`. */
  releaseHold(id: string, hold: string, request: { reason: string }): Promise<HoldRecord>;
  /** Oldest first, from the log. */
  retentionHistory(id: string, page?: PageRequest): Promise<Page<RetentionHistoryRecord>>;
  /** Records which packages may go by now, and which may not any more. Deletes nothing. Raises `clock.skew`. */
  sweepRetention(): Promise<SweepReport>;

  // The store ------------------------------------------------------------------------------------------------------
  storeStatus(): Promise<StoreStatus>;
  verifyStore(options?: ReportOptions): Promise<VerifyReport>;
  rebuildStore(options?: ReportOptions): Promise<RebuildReport>;
  cleanupStore(options?: ReportOptions & { apply?: boolean }): Promise<CleanupReport>;
  /** The log as the text of `db.json`, in pieces. */
  exportStore(): AsyncIterable<string>;
  /** Replays `db.json`, line by line without line feeds, into an empty log. Raises `store.not_empty`, `log.*`. */
  importStore(lines: AsyncIterable<string>, options?: ReportOptions): Promise<ImportReport>;
}
