import type { Transaction } from "../../catalog/database.ts";
import type { AppTable, ArtifactTable } from "../../catalog/tables.ts";
import type { JsonObject, PackageFileEntry } from "../../log/events.ts";
import type { Context } from "../context.ts";
import { recordDefaultRetention } from "../packages/create-package.ts";
import { artifactPath, type PreparedArtifact } from "./prepare-artifact.ts";

/**
 * One function per business event of a release, in the order a publication records them. Each is the only place that
 * writes its event.
 */

export interface DraftInput {
  readonly releaseId: string;
  readonly packageId: string;
  readonly version: string;
  readonly build: string;
  readonly channel: string | null;
  readonly notes: string | null;
  readonly notesSha256: string | null;
  readonly metadata: JsonObject;
  readonly createdAt: string;
}

/** The package and, where the app has a class, its default period; then the draft that the package is the substance of. */
export async function recordDraft(
  tx: Transaction,
  context: Context,
  app: AppTable,
  draft: DraftInput,
): Promise<void> {
  const { packageId, releaseId } = draft;
  await tx.record({
    type: "v1.package.created",
    subject: packageId,
    data: {
      app_id: app.id,
      package_id: packageId,
      kind: "release",
      producer: null,
      subject: app.slug,
      retention_class: app.retention_class,
      metadata: draft.metadata,
      key: null,
      created_at: draft.createdAt,
    },
  });
  if (app.retention_class !== null) {
    await recordDefaultRetention(tx, context, {
      appId: app.id,
      packageId,
      createdAt: draft.createdAt,
      retentionClass: app.retention_class,
    });
  }
  await tx.record({
    type: "v1.release.drafted",
    subject: releaseId,
    data: {
      app_id: app.id,
      release_id: releaseId,
      package_id: packageId,
      version: draft.version,
      build: draft.build,
      channel: draft.channel,
      notes: draft.notes,
      notes_sha256: draft.notesSha256,
    },
  });
}

export async function recordFiles(
  tx: Transaction,
  app: AppTable,
  packageId: string,
  files: readonly PackageFileEntry[],
): Promise<void> {
  await tx.record({
    type: "v1.package.file_added",
    subject: packageId,
    data: { app_id: app.id, package_id: packageId, files },
  });
}

export async function recordFileRemoved(
  tx: Transaction,
  app: AppTable,
  packageId: string,
  artifact: Pick<ArtifactTable, "id" | "path">,
): Promise<void> {
  await tx.record({
    type: "v1.package.file_removed",
    subject: packageId,
    data: { app_id: app.id, package_id: packageId, path: artifact.path, artifact_id: artifact.id },
  });
}

export async function recordValidated(
  tx: Transaction,
  app: AppTable,
  releaseId: string,
  artifact: PreparedArtifact,
): Promise<void> {
  await tx.record({
    type: "v1.artifact.validated",
    subject: artifact.id,
    data: {
      app_id: app.id,
      release_id: releaseId,
      artifact_id: artifact.id,
      platform: artifact.platform,
      arch: artifact.arch,
      format: artifact.format,
      filename: artifact.filename,
      content_type: artifact.contentType,
      path: artifactPath(artifact),
      size: artifact.sizeBytes,
      sha256: artifact.sha256,
      blake3: artifact.blake3,
      status: artifact.status,
      metadata: artifact.metadata,
      findings: artifact.findings as unknown as JsonObject[],
      icon: artifact.icon,
    },
  });
}

export interface FinalizedInput {
  readonly packageId: string;
  readonly manifestSha256: string;
  readonly manifestSizeBytes: number;
  readonly files: readonly PackageFileEntry[];
  readonly finalizedAt: string;
}

export async function recordFinalized(tx: Transaction, app: AppTable, input: FinalizedInput): Promise<void> {
  await tx.record({
    type: "v1.package.finalized",
    subject: input.packageId,
    data: {
      app_id: app.id,
      package_id: input.packageId,
      manifest_sha256: input.manifestSha256,
      manifest_size: input.manifestSizeBytes,
      file_count: input.files.length,
      total_size: input.files.reduce((sum, { size }) => sum + size, 0),
      finalized_at: input.finalizedAt,
    },
  });
}

export async function recordPublished(
  tx: Transaction,
  app: AppTable,
  release: { releaseId: string; channel: string | null },
): Promise<void> {
  await tx.record({
    type: "v1.release.published",
    subject: release.releaseId,
    data: {
      app_id: app.id,
      release_id: release.releaseId,
      channel: release.channel,
    },
  });
}
