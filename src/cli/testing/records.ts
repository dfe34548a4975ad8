import type { AppRecord } from "../../registry/records/apps.ts";
import type { ChannelRecord } from "../../registry/records/channels.ts";
import type { AuditRecord } from "../../registry/records/events.ts";
import type {
  HoldRecord,
  PackageFileRecord,
  PackageRecord,
  RetentionRecord,
} from "../../registry/records/packages.ts";
import type { ArtifactRecord, PublishResult, ReleaseRecord } from "../../registry/records/releases.ts";
import type { TokenRecord } from "../../registry/records/tokens.ts";

/** Records as a registry answers them. */
const at = "2026-11-20T15:00:00.000Z";

export const appRecord: AppRecord = {
  id: "app_1",
  slug: "acme",
  display_name: "Acme",
  owner: null,
  visibility: "unlisted",
  allowed_platforms: ["ios", "linux"],
  bundle_ids: {},
  ios_mode: "artifact_only",
  testflight_url: null,
  identity_constraints: {},
  signer_pinning: "first_use",
  retention_keep: 0,
  retention_class: null,
  created_at: at,
  updated_at: at,
};

export const artifactRecord: ArtifactRecord = {
  id: "art_1",
  platform: "linux",
  arch: "universal",
  format: "tar",
  filename: "acme.tar.gz",
  content_type: "application/gzip",
  size_bytes: 3,
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  blake3: "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
  storage_key: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  validation_status: "passed",
  findings: [],
  url: null,
  metadata: {},
  icon_sha256: null,
};

export const releaseRecord: ReleaseRecord = {
  id: "rel_1",
  app_id: "app_1",
  app: "acme",
  package_id: "pkg_1",
  version: "1.4.0",
  build: "",
  status: "published",
  channel: "beta",
  current_in: ["beta"],
  was_current_in: ["beta"],
  notes: null,
  notes_sha256: null,
  manifest_sha256: "a".repeat(64),
  created_by: "local:ann",
  created_at: at,
  published_at: at,
  revoked_at: null,
  deleted_at: null,
  url: null,
  artifacts: [artifactRecord],
};

export const channelRecord: ChannelRecord = {
  app_id: "app_1",
  app: "acme",
  name: "beta",
  current_release_id: "rel_1",
  previous_release_id: null,
  current_version: "1.4.0",
  current_build: "",
  policy: { promote: "auto", require_validation: false, from: null, min_time_seconds: 0 },
  rollout_percent: 100,
  retention_keep: null,
  created_at: at,
  updated_at: at,
};

export const publishResult: PublishResult = {
  status: "published",
  app: { id: "app_1", slug: "acme" },
  release: {
    id: "rel_1",
    package_id: "pkg_1",
    version: "1.4.0",
    build: "",
    channel: "beta",
    manifest_sha256: "a".repeat(64),
    published_at: at,
    url: null,
  },
  artifacts: [artifactRecord],
  channel: { name: "beta", current_release_id: "rel_1", previous_release_id: null },
};

export const tokenRecord: TokenRecord = {
  id: "tok_1",
  name: "ci",
  scopes: ["publish"],
  app: null,
  channel: null,
  status: "active",
  created_by: "local:ann",
  created_at: at,
  expires_at: null,
  last_used_at: null,
  revoked_at: null,
};

export function auditRecord(id: number): AuditRecord {
  return {
    id,
    action: "app.created",
    actor: "local:ann",
    actor_id: null,
    target_type: "app",
    target_id: `app_${id}`,
    metadata: {},
    created_at: at,
  };
}

export const packageRecord: PackageRecord = {
  id: "pkg_1",
  kind: "run",
  status: "finalized",
  app: null,
  producer: "guide-board",
  subject: "cmis",
  metadata: { commit: "abc", passed: 3 },
  retention_class: "raw-evidence",
  retrieval_tier: "hot",
  manifest_sha256: "b".repeat(64),
  manifest_size_bytes: 300,
  file_count: 1,
  size_bytes: 3,
  key: null,
  created_at: at,
  finalized_at: at,
  failed_at: null,
  fail_reason: null,
  deleted_at: null,
};

/** The bytes `abc`, as a file of a package. */
export const fileRecord: PackageFileRecord = {
  path: "logs/a.txt",
  sha256: artifactRecord.sha256,
  blake3: artifactRecord.blake3,
  size_bytes: 3,
  media_type: "text/plain",
};

export const holdRecord: HoldRecord = {
  id: "hold_1",
  package_id: "pkg_1",
  reason: "dispute",
  case: null,
  actor: "local:ann",
  applied_at: at,
  released_at: null,
  released_by: null,
  release_reason: null,
};

export const retentionRecord: RetentionRecord = {
  package_id: "pkg_1",
  retention_class: "raw-evidence",
  current_expires_at: "2027-05-19T15:00:00.000Z",
  holds: [],
  extensions: [],
  eligible_for_deletion: false,
  marked_at: null,
  lock: null,
  locked_until: null,
  reasons: [
    {
      rule: "class",
      until: "2027-05-19T15:00:00.000Z",
      ref: "raw-evidence",
      text: "The class raw-evidence keeps it until 2027-05-19T15:00:00.000Z.",
    },
  ],
};
