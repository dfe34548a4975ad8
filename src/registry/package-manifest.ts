import { encodeCanonical } from "../base/cbor.ts";
import type { PackageFileTable, PackageTable } from "../catalog/tables.ts";
import type { JsonObject, PackageFileEntry } from "../log/events.ts";

/** Which format a manifest is in; another one would be read by other rules. */
export const MANIFEST_SCHEMA = "dist.manifest.v1";

/** What a manifest says. */
export interface ManifestInput {
  readonly packageId: string;
  readonly kind: string;
  readonly createdAt: string;
  readonly finalizedAt: string;
  readonly producer: string | null;
  readonly subject: string | null;
  readonly metadata: JsonObject;
  readonly retentionClass: string | null;
  readonly files: readonly PackageFileEntry[];
}

/**
 * The manifest of a finalized package: canonical CBOR, files in bytewise order of their paths, digests as byte strings.
 * Its own SHA-256 names it. Format: docs/formats/manifest.md.
 */
export function encodeManifest(input: ManifestInput): Uint8Array {
  return encodeCanonical({
    schema: MANIFEST_SCHEMA,
    package_id: input.packageId,
    kind: input.kind,
    created_at: input.createdAt,
    finalized_at: input.finalizedAt,
    producer: input.producer,
    subject: input.subject,
    metadata: input.metadata as { [key: string]: never },
    retention_class: input.retentionClass,
    files: inPathOrder(input.files).map((file) => ({
      path: file.path,
      size: file.size,
      media_type: file.media_type,
      digests: { sha256: Buffer.from(file.sha256, "hex"), blake3: Buffer.from(file.blake3, "hex") },
    })),
  });
}

/** In bytewise order of the paths' UTF-8, each of which is made once: there may be 100,000. */
function inPathOrder(files: readonly PackageFileEntry[]): readonly PackageFileEntry[] {
  return files
    .map((file) => ({ file, bytes: Buffer.from(file.path) }))
    .toSorted((one, other) => Buffer.compare(one.bytes, other.bytes))
    .map(({ file }) => file);
}

/** The manifest of a package as its rows say it. `finalizedAt` is RFC 3339. */
export function manifestOf(
  row: PackageTable,
  files: readonly PackageFileTable[],
  finalizedAt: string,
): Uint8Array {
  return encodeManifest({
    packageId: row.id,
    kind: row.kind,
    createdAt: row.created_at,
    finalizedAt,
    producer: row.producer,
    subject: row.subject,
    metadata: JSON.parse(row.metadata) as JsonObject,
    retentionClass: row.retention_class,
    files: files.map(fileEntry),
  });
}

/** A file's row as an event and a manifest say it. */
export function fileEntry({
  path,
  sha256,
  blake3,
  size_bytes: size,
  media_type,
}: PackageFileTable): PackageFileEntry {
  return { path, sha256, blake3, size, media_type };
}
