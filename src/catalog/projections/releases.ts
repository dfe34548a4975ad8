import type { EventOf, JsonObject } from "../../log/events.ts";
import type { Writer } from "../database.ts";
import { query } from "../query.ts";
import type { ArtifactTable, ReleaseTable } from "../tables.ts";

export async function releaseDrafted(
  writer: Writer,
  { at, actor, data }: EventOf<"v1.release.drafted">,
): Promise<void> {
  await writer.change(insertRelease, {
    id: data.release_id,
    app_id: data.app_id,
    package_id: data.package_id,
    version: data.version,
    build: data.build,
    status: "draft",
    channel: data.channel,
    notes: data.notes,
    notes_sha256: data.notes_sha256,
    created_by: actor,
    created_at: at,
    touched_at: at,
    published_at: null,
    revoked_at: null,
    deleted_at: null,
    was_current: 0,
  });
}

export async function artifactValidated(
  writer: Writer,
  { at, data }: EventOf<"v1.artifact.validated">,
): Promise<void> {
  await writer.change(insertArtifact, {
    id: data.artifact_id,
    app_id: data.app_id,
    release_id: data.release_id,
    platform: data.platform,
    arch: data.arch,
    format: data.format,
    filename: data.filename,
    content_type: data.content_type,
    path: data.path,
    size_bytes: data.size,
    sha256: data.sha256,
    blake3: data.blake3,
    storage_key: data.sha256,
    metadata: JSON.stringify(data.metadata),
    validation_status: data.status,
    findings: JSON.stringify(data.findings),
    icon_sha256: data.icon?.sha256 ?? null,
    icon_content_type: data.icon?.content_type ?? null,
    warnings: data.findings.filter(({ severity }) => severity === "warning").length,
    signed_until: signedUntil(data.metadata),
  });
  await writer.change(touchRelease, { id: data.release_id, touched_at: at });
}

/** The earliest end of what the file is signed with, as inspection found it; null when nothing ends, or nothing is known. */
function signedUntil({ inspection }: JsonObject): string | null {
  const { identity, profile } = (inspection ?? {}) as {
    readonly identity?: { readonly signers?: readonly { readonly expires_at?: string | null }[] };
    readonly profile?: { readonly expires_at?: string | null } | null;
  };
  const ends = [...(identity?.signers ?? []), ...(profile ? [profile] : [])].flatMap(({ expires_at: end }) =>
    typeof end === "string" ? [end] : [],
  );
  return ends.toSorted()[0] ?? null;
}

export async function releasePublished(
  writer: Writer,
  { at, data }: EventOf<"v1.release.published">,
): Promise<void> {
  await writer.change(publishRelease, {
    id: data.release_id,
    channel: data.channel,
    published_at: at,
  });
}

export async function releaseRevoked(
  writer: Writer,
  { at, data }: EventOf<"v1.release.revoked">,
): Promise<void> {
  await writer.change(revokeRelease, { id: data.release_id, revoked_at: at });
}

export async function releaseDeleted(
  writer: Writer,
  { at, data }: EventOf<"v1.release.deleted">,
): Promise<void> {
  await writer.change(deleteRelease, { id: data.release_id, deleted_at: at });
}

const insertRelease = query<ReleaseTable>()((db, p) =>
  db.insertInto("release").values({
    id: p.id,
    app_id: p.app_id,
    package_id: p.package_id,
    version: p.version,
    build: p.build,
    status: p.status,
    channel: p.channel,
    notes: p.notes,
    notes_sha256: p.notes_sha256,
    created_by: p.created_by,
    created_at: p.created_at,
    touched_at: p.touched_at,
    published_at: p.published_at,
    revoked_at: p.revoked_at,
    deleted_at: p.deleted_at,
    was_current: p.was_current,
  }),
);

const insertArtifact = query<ArtifactTable>()((db, p) =>
  db.insertInto("artifact").values({
    id: p.id,
    app_id: p.app_id,
    release_id: p.release_id,
    platform: p.platform,
    arch: p.arch,
    format: p.format,
    filename: p.filename,
    content_type: p.content_type,
    path: p.path,
    size_bytes: p.size_bytes,
    sha256: p.sha256,
    blake3: p.blake3,
    storage_key: p.storage_key,
    metadata: p.metadata,
    validation_status: p.validation_status,
    findings: p.findings,
    icon_sha256: p.icon_sha256,
    icon_content_type: p.icon_content_type,
    warnings: p.warnings,
    signed_until: p.signed_until,
  }),
);

const touchRelease = query<{ id: string; touched_at: string }>()((db, p) =>
  db.updateTable("release").set({ touched_at: p.touched_at }).where("id", "=", p.id),
);

const publishRelease = query<{ id: string; channel: string | null; published_at: string }>()((db, p) =>
  db
    .updateTable("release")
    .set({ status: "published", channel: p.channel, published_at: p.published_at })
    .where("id", "=", p.id),
);

const revokeRelease = query<{ id: string; revoked_at: string }>()((db, p) =>
  db.updateTable("release").set({ status: "revoked", revoked_at: p.revoked_at }).where("id", "=", p.id),
);

const deleteRelease = query<{ id: string; deleted_at: string }>()((db, p) =>
  db.updateTable("release").set({ status: "deleted", deleted_at: p.deleted_at }).where("id", "=", p.id),
);
