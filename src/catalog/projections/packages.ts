import type { EventOf } from "../../log/events.ts";
import { foldPath } from "../../base/fold-path.ts";
import { scalarsOf } from "../metadata-scalars.ts";
import type { Writer } from "../database.ts";
import { query } from "../query.ts";
import type { PackageFileTable, PackageMetadataTable, PackageTable } from "../tables.ts";
import { dropDueDate } from "./retention.ts";
import { countPackage } from "./usage.ts";

export async function packageCreated(
  writer: Writer,
  { seq, data }: EventOf<"v1.package.created">,
): Promise<void> {
  await writer.change(insertPackage, {
    id: data.package_id,
    app_id: data.app_id,
    kind: data.kind,
    status: "created",
    producer: data.producer,
    subject: data.subject,
    metadata: JSON.stringify(data.metadata),
    retention_class: data.retention_class,
    retrieval_tier: "hot",
    manifest_sha256: null,
    manifest_size_bytes: null,
    file_count: 0,
    size_bytes: 0,
    files_seq: seq,
    request_key: data.key,
    created_at: data.created_at,
    finalized_at: null,
    failed_at: null,
    fail_reason: null,
    deleted_at: null,
  });
  for (const [key, value] of scalarsOf(data.metadata)) {
    await writer.change(insertMetadata, {
      package_id: data.package_id,
      key,
      value,
      created_at: data.created_at,
    });
  }
}

export async function fileAdded(
  writer: Writer,
  { seq, data }: EventOf<"v1.package.file_added">,
): Promise<void> {
  for (const file of data.files) {
    await writer.change(insertFile, {
      package_id: data.package_id,
      path: file.path,
      folded: foldPath(file.path),
      sha256: file.sha256,
      blake3: file.blake3,
      size_bytes: file.size,
      media_type: file.media_type,
      live: 1,
    });
  }
  const size = data.files.reduce((sum, file) => sum + file.size, 0);
  await writer.change(growPackage, { id: data.package_id, files: data.files.length, bytes: size, seq });
}

export async function fileReplaced(
  writer: Writer,
  { seq, data }: EventOf<"v1.package.file_replaced">,
): Promise<void> {
  const { file, package_id } = data;
  const before = await writer.first(fileRow, { package_id, path: file.path });
  await writer.change(replaceFile, {
    package_id,
    path: file.path,
    sha256: file.sha256,
    blake3: file.blake3,
    size_bytes: file.size,
    media_type: file.media_type,
  });
  await writer.change(growPackage, { id: package_id, files: 0, bytes: file.size - before!.size_bytes, seq });
}

export async function fileRemoved(
  writer: Writer,
  { seq, data }: EventOf<"v1.package.file_removed">,
): Promise<void> {
  const key = { package_id: data.package_id, path: data.path };
  const file = await writer.first(fileRow, key);
  await writer.change(deleteFile, key);
  await writer.change(growPackage, { id: data.package_id, files: -1, bytes: -file!.size_bytes, seq });
  if (data.artifact_id !== null) await writer.change(deleteArtifact, { id: data.artifact_id });
}

export async function packageFinalized(
  writer: Writer,
  { data }: EventOf<"v1.package.finalized">,
): Promise<void> {
  await writer.change(finalizePackage, {
    id: data.package_id,
    manifest_sha256: data.manifest_sha256,
    manifest_size_bytes: data.manifest_size,
    finalized_at: data.finalized_at,
  });
  await countPackage(writer, data.package_id, 1);
}

export async function packageFailed(
  writer: Writer,
  { at, data }: EventOf<"v1.package.failed">,
): Promise<void> {
  await writer.change(failPackage, { id: data.package_id, failed_at: at, fail_reason: data.reason });
}

/** The record, the file list and the manifest's digest stay; the files no longer keep their bytes. */
export async function packageDeleted(
  writer: Writer,
  { at, data }: EventOf<"v1.package.deleted">,
): Promise<void> {
  await countPackage(writer, data.package_id, -1);
  await writer.change(deletePackage, { id: data.package_id, deleted_at: at });
  await writer.change(releaseFiles, { package_id: data.package_id });
  await dropDueDate(writer, data.package_id);
}

const insertPackage = query<PackageTable>()((db, p) =>
  db.insertInto("package").values({
    id: p.id,
    app_id: p.app_id,
    kind: p.kind,
    status: p.status,
    producer: p.producer,
    subject: p.subject,
    metadata: p.metadata,
    retention_class: p.retention_class,
    retrieval_tier: p.retrieval_tier,
    manifest_sha256: p.manifest_sha256,
    manifest_size_bytes: p.manifest_size_bytes,
    file_count: p.file_count,
    size_bytes: p.size_bytes,
    files_seq: p.files_seq,
    request_key: p.request_key,
    created_at: p.created_at,
    finalized_at: p.finalized_at,
    failed_at: p.failed_at,
    fail_reason: p.fail_reason,
    deleted_at: p.deleted_at,
  }),
);

const insertMetadata = query<PackageMetadataTable>()((db, p) =>
  db
    .insertInto("package_metadata")
    .values({ package_id: p.package_id, key: p.key, value: p.value, created_at: p.created_at }),
);

const insertFile = query<PackageFileTable>()((db, p) =>
  db.insertInto("package_file").values({
    package_id: p.package_id,
    path: p.path,
    folded: p.folded,
    sha256: p.sha256,
    blake3: p.blake3,
    size_bytes: p.size_bytes,
    media_type: p.media_type,
    live: p.live,
  }),
);

const replaceFile = query<Omit<PackageFileTable, "folded" | "live">>()((db, p) =>
  db
    .updateTable("package_file")
    .set({ sha256: p.sha256, blake3: p.blake3, size_bytes: p.size_bytes, media_type: p.media_type })
    .where("package_id", "=", p.package_id)
    .where("path", "=", p.path),
);

const fileRow = query<{ package_id: string; path: string }>()((db, p) =>
  db
    .selectFrom("package_file")
    .select("size_bytes")
    .where("package_id", "=", p.package_id)
    .where("path", "=", p.path),
);

const deleteFile = query<{ package_id: string; path: string }>()((db, p) =>
  db.deleteFrom("package_file").where("package_id", "=", p.package_id).where("path", "=", p.path),
);

const deleteArtifact = query<{ id: string }>()((db, p) => db.deleteFrom("artifact").where("id", "=", p.id));

const growPackage = query<{ id: string; files: number; bytes: number; seq: number }>()((db, p) =>
  db
    .updateTable("package")
    .set((eb) => ({
      status: "uploading",
      file_count: eb("file_count", "+", p.files),
      size_bytes: eb("size_bytes", "+", p.bytes),
      files_seq: p.seq,
    }))
    .where("id", "=", p.id),
);

const finalizePackage = query<{
  id: string;
  manifest_sha256: string;
  manifest_size_bytes: number;
  finalized_at: string;
}>()((db, p) =>
  db
    .updateTable("package")
    .set({
      status: "finalized",
      manifest_sha256: p.manifest_sha256,
      manifest_size_bytes: p.manifest_size_bytes,
      finalized_at: p.finalized_at,
    })
    .where("id", "=", p.id),
);

const failPackage = query<{ id: string; failed_at: string; fail_reason: string }>()((db, p) =>
  db
    .updateTable("package")
    .set({ status: "failed", failed_at: p.failed_at, fail_reason: p.fail_reason })
    .where("id", "=", p.id),
);

const deletePackage = query<{ id: string; deleted_at: string }>()((db, p) =>
  db.updateTable("package").set({ status: "deleted", deleted_at: p.deleted_at }).where("id", "=", p.id),
);

const releaseFiles = query<{ package_id: string }>()((db, p) =>
  db.updateTable("package_file").set({ live: 0 }).where("package_id", "=", p.package_id),
);
