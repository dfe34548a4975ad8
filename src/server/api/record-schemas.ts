import { z } from "@hono/zod-openapi";

import { iosModes, visibilities, signerPinnings } from "../../registry/app-settings.ts";
import { arches, formats, platforms } from "../../registry/manifest/vocabulary.ts";
import type { AppRecord } from "../../registry/records/apps.ts";
import type { ChannelMoveRecord, ChannelRecord } from "../../registry/records/channels.ts";
import type { AuditRecord } from "../../registry/records/events.ts";
import type { DownloadLink, ShareRecord } from "../../registry/records/links.ts";
import type { UploadedObject } from "../../registry/records/objects.ts";
import type { Page } from "../../registry/records/pages.ts";
import type {
  ArtifactRecord,
  PublishedArtifact,
  PublishResult,
  ReleaseComparison,
  ReleaseRecord,
} from "../../registry/records/releases.ts";
import { scopes, type SessionRecord, type TokenRecord } from "../../registry/records/tokens.ts";

/** The records that routes answer, as schemas: the types in `records/` say the same and are checked against these. */

export const time = z.string().describe("RFC 3339, UTC, milliseconds");
export const digest = z.string().describe("SHA-256, 64 hexadecimal digits");
export const jsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodType<
  ArtifactRecord["metadata"]
>;

/** A page of a list. */
export function pageOf<T>(name: string, item: z.ZodType<T>): z.ZodType<Page<T>> {
  return z
    .object({ items: z.array(item), next: z.string().nullable().describe("`after` of the next page") })
    .openapi(`${name}Page`);
}

export const app: z.ZodType<AppRecord> = z
  .object({
    id: z.string(),
    slug: z.string(),
    display_name: z.string(),
    owner: z.string().nullable(),
    visibility: z.enum(visibilities),
    allowed_platforms: z.array(z.enum(platforms)),
    bundle_ids: z.record(z.string(), z.string()),
    ios_mode: z.enum(iosModes),
    testflight_url: z.string().nullable(),
    identity_constraints: z
      .record(z.string(), z.array(z.string()))
      .describe("Empty for callers without `read`"),
    signer_pinning: z.enum(signerPinnings),
    retention_keep: z.number().int(),
    retention_class: z.string().nullable(),
    created_at: time,
    updated_at: time,
  })
  .openapi("App");

const finding = z
  .object({
    code: z.string(),
    severity: z.enum(["error", "warning", "info"]),
    message: z.string(),
    where: z.string().describe("The part of the file; absent for the whole").optional(),
    details: jsonObject.optional(),
  })
  .openapi("Finding") as unknown as z.ZodType<PublishedArtifact["findings"][number]>;

const artifactFields = {
  id: z.string(),
  platform: z.enum(platforms),
  arch: z.enum(arches),
  format: z.enum(formats),
  filename: z.string(),
  content_type: z.string(),
  size_bytes: z.number().int(),
  sha256: digest,
  blake3: z.string(),
  storage_key: z.string(),
  validation_status: z.enum(["pending", "passed", "failed"]),
  findings: z.array(finding),
  url: z.string().nullable().describe("Where the bytes are downloaded; null once they are gone"),
};

export const artifact: z.ZodType<ArtifactRecord> = z
  .object({ ...artifactFields, metadata: jsonObject, icon_sha256: digest.nullable() })
  .openapi("Artifact");

export const release: z.ZodType<ReleaseRecord> = z
  .object({
    id: z.string(),
    app_id: z.string(),
    app: z.string(),
    package_id: z.string(),
    version: z.string(),
    build: z.string(),
    status: z.enum(["draft", "published", "revoked", "deleted"]),
    channel: z.string().nullable().describe("The channel it was published for"),
    current_in: z.array(z.string()).describe("The channels that point at it now"),
    was_current_in: z
      .array(z.string())
      .describe("The channels that point at it, or ever did; empty without `read`"),
    notes: z.string().nullable(),
    notes_sha256: digest.nullable(),
    manifest_sha256: digest.nullable(),
    created_by: z.string().nullable().describe("Null for callers without `read`"),
    created_at: time,
    published_at: time.nullable(),
    revoked_at: time.nullable(),
    deleted_at: time.nullable(),
    url: z.string().nullable().describe("Where the manifest is downloaded"),
    artifacts: z.array(artifact),
  })
  .openapi("Release");

const comparedRelease = z.object({
  id: z.string(),
  version: z.string(),
  build: z.string(),
  status: z.enum(["draft", "published", "revoked", "deleted"]),
  published_at: time.nullable(),
});

const factValue = z.union([z.string(), z.number()]).nullable();

export const releaseComparison: z.ZodType<ReleaseComparison> = z
  .object({
    app: z.string(),
    from: comparedRelease,
    to: comparedRelease,
    artifacts: z.array(
      z.object({
        platform: z.enum(platforms),
        arch: z.enum(arches),
        format: z.enum(formats),
        status: z.enum(["added", "removed", "changed", "same"]).describe("`same` when the bytes are"),
        changes: z.array(
          z.object({
            fact: z.enum([
              "size_bytes",
              "id",
              "label",
              "version",
              "build",
              "min_os",
              "permissions",
              "signers",
              "findings",
            ]),
            from: factValue.describe("Null for the facts that are sets"),
            to: factValue,
            added: z.array(z.string()),
            removed: z.array(z.string()),
          }),
        ),
      }),
    ),
  })
  .openapi("ReleaseComparison");

export const channel: z.ZodType<ChannelRecord> = z
  .object({
    app_id: z.string(),
    app: z.string(),
    name: z.string(),
    current_release_id: z.string().nullable(),
    previous_release_id: z.string().nullable().describe("Where a rollback would go"),
    current_version: z.string().nullable(),
    current_build: z.string().nullable(),
    policy: z.object({
      promote: z.enum(["auto", "manual"]),
      require_validation: z.boolean(),
      from: z.string().nullable(),
      min_time_seconds: z.number().int(),
    }),
    rollout_percent: z.number().int(),
    retention_keep: z.number().int().nullable(),
    created_at: time,
    updated_at: time,
    moved: z.boolean().describe("Answers of promote only").exactOptional(),
  })
  .openapi("Channel");

export const channelMove: z.ZodType<ChannelMoveRecord> = z
  .object({
    seq: z.number().int(),
    action: z.enum(["promoted", "rolled_back"]),
    release_id: z.string().nullable(),
    version: z.string().nullable(),
    build: z.string().nullable(),
    previous_release_id: z.string().nullable(),
    rollout_percent: z.number().int(),
    actor: z.string(),
    reason: z.string().nullable(),
    at: time,
  })
  .openapi("ChannelMove");

const publishedChannel = z.union([
  z.object({
    name: z.string(),
    promoted: z.literal(false),
    refusal: z.object({ code: z.string(), message: z.string(), details: jsonObject }),
    current_release_id: z.string().nullable(),
  }),
  z.object({
    name: z.string(),
    current_release_id: z.string().nullable(),
    previous_release_id: z.string().nullable(),
  }),
]);

export const publishResult: z.ZodType<PublishResult> = z
  .object({
    status: z.enum(["published", "unchanged", "promoted"]),
    app: z.object({ id: z.string(), slug: z.string() }),
    release: z.object({
      id: z.string(),
      package_id: z.string(),
      version: z.string(),
      build: z.string(),
      channel: z.string().nullable(),
      manifest_sha256: digest,
      published_at: time,
      url: z.string().nullable(),
    }),
    artifacts: z.array(z.object(artifactFields)),
    channel: publishedChannel.nullable(),
  })
  .openapi("PublishResult");

const tokenFields = {
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(scopes)),
  app: z.string().nullable(),
  channel: z.string().nullable(),
  status: z.enum(["active", "revoked", "expired"]),
  created_by: z.string(),
  created_at: time,
  expires_at: time.nullable(),
  last_used_at: time.nullable(),
  revoked_at: time.nullable(),
};

export const token: z.ZodType<TokenRecord> = z.object(tokenFields).openapi("Token");

export const newToken: z.ZodType<TokenRecord & { secret: string }> = z
  .object({ ...tokenFields, secret: z.string().describe("Shown this once") })
  .openapi("NewToken");

export const session: z.ZodType<SessionRecord> = z
  .object({
    id: z.string(),
    actor: z.string(),
    token_id: z.string().nullable().describe("The token it was made from and ends with; null for a person"),
    scopes: z.array(z.enum(scopes)),
    app: z.string().nullable(),
    channel: z.string().nullable(),
    user_agent: z.string().nullable(),
    created_at: time,
    last_seen_at: time.describe("Exact to a minute"),
    expires_at: time,
  })
  .openapi("Session");

const shareFields = {
  id: z.string(),
  app: z.string(),
  channel: z.string().nullable(),
  status: z.enum(["active", "revoked", "expired"]),
  created_by: z.string(),
  created_at: time,
  expires_at: time,
  revoked_at: time.nullable(),
  url: z.string().nullable().describe("What to hand out; in the answer that makes the link only"),
};

export const share: z.ZodType<ShareRecord> = z.object(shareFields).openapi("Share");

export const newShare: z.ZodType<ShareRecord & { secret: string }> = z
  .object({ ...shareFields, secret: z.string().describe("Shown this once") })
  .openapi("NewShare");

export const downloadLink: z.ZodType<DownloadLink> = z
  .object({
    sha256: digest,
    artifact_id: z.string(),
    expires_at: time,
    signature: z.string().describe("As it stands in the address"),
    url: z.string().nullable().describe("Opens these bytes without credentials until `expires_at`"),
  })
  .openapi("DownloadLink");

export const auditEntry: z.ZodType<AuditRecord> = z
  .object({
    id: z.number().int(),
    action: z.string(),
    actor: z.string(),
    actor_id: z.string().nullable(),
    target_type: z.string(),
    target_id: z.string(),
    metadata: jsonObject,
    created_at: time,
  })
  .openapi("AuditEntry");

export const uploadedObject: z.ZodType<UploadedObject> = z
  .object({
    sha256: digest,
    blake3: z.string(),
    size_bytes: z.number().int(),
    existed: z.boolean(),
    lease_expires_at: time,
  })
  .openapi("UploadedObject");
