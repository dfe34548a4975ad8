import type { Reader } from "../../catalog/database.ts";
import { channelsOfRelease } from "../../catalog/queries/channels.ts";
import { locationOf } from "../../catalog/queries/objects.ts";
import { packageById } from "../../catalog/queries/packages.ts";
import { artifactsOfRelease } from "../../catalog/queries/releases.ts";
import type { AppTable, ArtifactTable, ReleaseTable } from "../../catalog/tables.ts";
import type { Arch, Finding, Format, Platform } from "../../inspect/inspection.ts";
import type { JsonObject } from "../../log/events.ts";
import { mayInApp } from "../access.ts";
import type { Context } from "../context.ts";
import type { ArtifactRecord, PublishedArtifact, ReleaseRecord } from "../records/releases.ts";

/** A release as everybody gets it: one flat object with its artifacts. Who made it needs `read`. */
export async function releaseRecord(
  reader: Reader,
  context: Context,
  app: AppTable,
  release: ReleaseTable,
): Promise<ReleaseRecord> {
  const packageRow = await reader.first(packageById, { id: release.package_id });
  const channels = await reader.all(channelsOfRelease, { release_id: release.id });
  const mayRead = mayInApp(context.principal, "read", app.slug);
  const artifacts: ArtifactRecord[] = [];
  for (const row of await reader.all(artifactsOfRelease, { release_id: release.id })) {
    artifacts.push({
      ...(await publishedArtifact(reader, context, row)),
      metadata: JSON.parse(row.metadata) as JsonObject,
      icon_sha256: row.icon_sha256,
    });
  }
  const manifestSha256 = packageRow?.manifest_sha256 ?? null;
  return {
    id: release.id,
    app_id: app.id,
    app: app.slug,
    package_id: release.package_id,
    version: release.version,
    build: release.build,
    status: release.status as ReleaseRecord["status"],
    channel: release.channel,
    current_in: channels.flatMap((row) => (row.current_since === null ? [] : [row.channel])),
    was_current_in: mayRead ? channels.map(({ channel }) => channel) : [],
    notes: release.notes,
    notes_sha256: release.notes_sha256,
    manifest_sha256: manifestSha256,
    created_by: mayRead ? release.created_by : null,
    created_at: release.created_at,
    published_at: release.published_at,
    revoked_at: release.revoked_at,
    deleted_at: release.deleted_at,
    url: manifestSha256 === null ? null : await objectUrl(reader, context, manifestSha256),
    artifacts,
  };
}

export async function publishedArtifact(
  reader: Reader,
  context: Context,
  row: ArtifactTable,
): Promise<PublishedArtifact> {
  return {
    id: row.id,
    platform: row.platform as Platform,
    arch: row.arch as Arch,
    format: row.format as Format,
    filename: row.filename,
    content_type: row.content_type,
    size_bytes: row.size_bytes,
    sha256: row.sha256,
    blake3: row.blake3,
    storage_key: row.storage_key,
    validation_status: row.validation_status as PublishedArtifact["validation_status"],
    findings: JSON.parse(row.findings) as Finding[],
    url: await objectUrl(reader, context, row.sha256),
  };
}

/** Where the bytes are found; null once they are gone. */
export async function objectUrl(reader: Reader, context: Context, sha256: string): Promise<string | null> {
  const row = await reader.first(locationOf, { sha256 });
  if (row === undefined || row.status !== "present") return null;
  return context.blobs.url({ sha256, key: row.physical_key });
}
