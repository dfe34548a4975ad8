import type { AppRecord } from "../../../registry/records/apps.ts";
import type { ArtifactRecord, ReleaseRecord } from "../../../registry/records/releases.ts";

/** Records as the registry gives them, with what a test cares about put in their place. */
export function sampleApp(changes: Partial<AppRecord> = {}): AppRecord {
  return {
    id: "app_1",
    slug: "acme",
    display_name: "Acme",
    owner: null,
    visibility: "public",
    allowed_platforms: ["ios", "android_apk", "android_aab", "macos", "linux", "windows"],
    bundle_ids: {},
    ios_mode: "artifact_only",
    testflight_url: null,
    identity_constraints: {},
    signer_pinning: "first_use",
    retention_keep: 0,
    retention_class: null,
    created_at: "2026-10-28T15:00:00.000Z",
    updated_at: "2026-10-28T15:00:00.000Z",
    ...changes,
  };
}

export function sampleArtifact(changes: Partial<ArtifactRecord> = {}): ArtifactRecord {
  const sha256 = changes.sha256 ?? "3689d4f85ee765f1eb08a31246fcf1b4f1ffbf1a31270950cdf5497e11ef715c";
  return {
    id: "art_1",
    platform: "macos",
    arch: "universal",
    format: "dmg",
    filename: "Acme.dmg",
    content_type: "application/octet-stream",
    size_bytes: 69_400_000,
    sha256,
    blake3: sha256,
    storage_key: sha256,
    validation_status: "passed",
    findings: [],
    url: null,
    metadata: {},
    icon_sha256: null,
    ...changes,
  };
}

export function sampleRelease(changes: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return {
    id: "rel_1",
    app_id: "app_1",
    app: "acme",
    package_id: "pkg_1",
    version: "4.2.1",
    build: "1042",
    status: "published",
    channel: "stable",
    current_in: ["stable"],
    was_current_in: ["stable"],
    notes: null,
    notes_sha256: null,
    manifest_sha256: null,
    created_by: null,
    created_at: "2026-10-28T15:00:00.000Z",
    published_at: "2026-10-28T15:00:00.000Z",
    revoked_at: null,
    deleted_at: null,
    url: null,
    artifacts: [sampleArtifact()],
    ...changes,
  };
}
