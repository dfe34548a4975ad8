/**
 * The columns, as queries see them. One row type per table; what each table is for stands in `schema/`.
 * Booleans are 0 or 1, times are RFC 3339 UTC text with milliseconds, `…_json` holds JSON text.
 */

export interface EventTable {
  seq: number;
  type: string;
  at: string;
  actor: string;
  subject: string;
  app_id: string | null;
  data: string;
  bytes: Uint8Array;
  leaf_hash: Uint8Array;
}

export interface LogHeadTable {
  id: number;
  log_id: string;
  head: number;
  last_at: string;
}

export interface AppTable {
  id: string;
  slug: string;
  display_name: string;
  owner: string | null;
  visibility: string;
  allowed_platforms: string;
  bundle_ids: string;
  identity_constraints: string;
  signer_pinning: string;
  ios_mode: string;
  testflight_url: string | null;
  retention_keep: number;
  retention_class: string | null;
  created_at: string;
  updated_at: string;
  last_seq: number;
}

export interface ReleaseTable {
  id: string;
  app_id: string;
  package_id: string;
  version: string;
  build: string;
  status: string;
  channel: string | null;
  notes: string | null;
  notes_sha256: string | null;
  created_by: string;
  created_at: string;
  touched_at: string;
  published_at: string | null;
  revoked_at: string | null;
  deleted_at: string | null;
  was_current: number;
}

export interface ArtifactTable {
  id: string;
  app_id: string;
  release_id: string;
  platform: string;
  arch: string;
  format: string;
  filename: string;
  content_type: string;
  path: string;
  size_bytes: number;
  sha256: string;
  blake3: string;
  storage_key: string;
  metadata: string;
  validation_status: string;
  findings: string;
  icon_sha256: string | null;
  icon_content_type: string | null;
  warnings: number;
  signed_until: string | null;
}

export interface ChannelTable {
  app_id: string;
  name: string;
  current_release_id: string | null;
  current_seq: number | null;
  promote: string;
  require_validation: number;
  from_channel: string | null;
  min_time_seconds: number;
  rollout_percent: number;
  retention_keep: number | null;
  created_at: string;
  updated_at: string;
}

export interface ChannelMoveTable {
  seq: number;
  app_id: string;
  channel: string;
  action: string;
  release_id: string | null;
  previous_release_id: string | null;
  back_seq: number | null;
  rollout_percent: number;
  actor: string;
  reason: string | null;
  at: string;
}

export interface ChannelReleaseTable {
  app_id: string;
  channel: string;
  release_id: string;
  last_seq: number;
  current_since: string | null;
  current_ms: number;
}

export interface TokenTable {
  id: string;
  name: string;
  token_hash: string;
  scopes: string;
  app: string | null;
  channel: string | null;
  created_by: string;
  created_at: string;
  expires_at: string | null;
  first_used_at: string | null;
  revoked_at: string | null;
}

export interface ShareTable {
  id: string;
  app_id: string;
  channel: string | null;
  secret_hash: string;
  created_by: string;
  created_at: string;
  expires_at: string;
  revoked_at: string | null;
}

export interface PackageTable {
  id: string;
  app_id: string | null;
  kind: string;
  status: string;
  producer: string | null;
  subject: string | null;
  metadata: string;
  retention_class: string | null;
  retrieval_tier: string;
  manifest_sha256: string | null;
  manifest_size_bytes: number | null;
  file_count: number;
  size_bytes: number;
  files_seq: number;
  request_key: string | null;
  created_at: string;
  finalized_at: string | null;
  failed_at: string | null;
  fail_reason: string | null;
  deleted_at: string | null;
}

export interface PackageMetadataTable {
  package_id: string;
  key: string;
  value: string;
  created_at: string;
}

export interface PackageFileTable {
  package_id: string;
  path: string;
  folded: string;
  sha256: string;
  blake3: string;
  size_bytes: number;
  media_type: string;
  live: number;
}

export interface RetentionStateTable {
  package_id: string;
  app_id: string | null;
  retention_class: string | null;
  class_expires_at: string | null;
  current_expires_at: string | null;
  active_holds: number;
  due_at: string | null;
  marked_at: string | null;
}

export interface RetentionExtensionTable {
  seq: number;
  package_id: string;
  new_expires_at: string;
  previous_expires_at: string | null;
  reason: string;
  actor: string;
  at: string;
}

export interface HoldTable {
  id: string;
  package_id: string;
  seq: number;
  reason: string;
  case_name: string | null;
  actor: string;
  applied_at: string;
  released_at: string | null;
  released_by: string | null;
  release_reason: string | null;
}

export interface StorageLocationTable {
  sha256: string;
  blake3: string;
  size_bytes: number;
  backend: string;
  physical_key: string;
  tier: string;
  status: string;
  generation: number;
  locked_version: string | null;
  locked_until: string | null;
}

export interface LeaseTable {
  sha256: string;
  principal: string;
  expires_at: string;
}

export interface TokenUseTable {
  token_id: string;
  last_used_at: string;
}

export interface IdempotencyKeyTable {
  id: string;
  request_sha256: string;
  answer: string;
  expires_at: string;
}

export interface UploadSessionTable {
  id: string;
  principal: string;
  size_bytes: number;
  offset_bytes: number;
  epoch: number;
  metadata: string | null;
  status: string;
  sha256: string | null;
  existed: number | null;
  expires_at: string;
}

export interface UploadPartTable {
  session_id: string;
  start_bytes: number;
  size_bytes: number;
  staging_id: string;
}

export interface SigningKeyTable {
  id: string;
  secret: Uint8Array;
  created_at: string;
}

export interface JobTable {
  name: string;
  holder: string | null;
  lease_until: string | null;
  started_at: string | null;
  finished_at: string | null;
}

export interface NodeTable {
  id: string;
  name: string;
  version: number;
  generation: number;
  seen_at: string;
}

export interface RetentionSweepTable {
  id: number;
  seq: number;
  at: string;
}

export interface PackageLockTable {
  package_id: string;
  locked_until: string | null;
  renew_at: string | null;
}

export interface SessionTable {
  id: string;
  secret_hash: string;
  previous_hash: string | null;
  previous_until: string | null;
  rotated_at: string;
  csrf_key: string;
  token_id: string | null;
  actor: string;
  scopes: string;
  app: string | null;
  channel: string | null;
  user_agent: string | null;
  created_at: string;
  last_seen_at: string;
  expires_at: string;
  seen_seq: number | null;
  seen_at: string | null;
}

export interface LockMirrorTable {
  id: number;
  seq: number;
}

export interface DownloadAppDayTable {
  day: string;
  app_id: string;
  count: number;
}

export interface PackageUsageTable {
  app_id: string;
  retention_class: string;
  month: string;
  packages: number;
  size_bytes: number;
  held_packages: number;
  held_bytes: number;
  eligible_packages: number;
  eligible_bytes: number;
}

export interface DownloadDayTable {
  day: string;
  app_id: string;
  channel: string;
  release_id: string;
  platform: string;
  count: number;
}

export interface SchemaVersionTable {
  version: number;
  view_generation: number;
  compatible_version: number;
  compatible_generation: number;
  filled_generation: number;
}

export interface Tables {
  event: EventTable;
  log_head: LogHeadTable;
  app: AppTable;
  release: ReleaseTable;
  artifact: ArtifactTable;
  channel: ChannelTable;
  channel_move: ChannelMoveTable;
  channel_release: ChannelReleaseTable;
  token: TokenTable;
  share: ShareTable;
  package: PackageTable;
  package_usage: PackageUsageTable;
  package_metadata: PackageMetadataTable;
  package_file: PackageFileTable;
  retention_state: RetentionStateTable;
  retention_extension: RetentionExtensionTable;
  hold: HoldTable;
  storage_location: StorageLocationTable;
  lease: LeaseTable;
  token_use: TokenUseTable;
  idempotency_key: IdempotencyKeyTable;
  upload_session: UploadSessionTable;
  upload_part: UploadPartTable;
  signing_key: SigningKeyTable;
  job: JobTable;
  node: NodeTable;
  retention_sweep: RetentionSweepTable;
  package_lock: PackageLockTable;
  lock_mirror: LockMirrorTable;
  session: SessionTable;
  download_day: DownloadDayTable;
  download_app_day: DownloadAppDayTable;
  schema_version: SchemaVersionTable;
}
