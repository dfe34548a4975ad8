import type { Transaction } from "../../catalog/database.ts";
import { fileAt, filesBelow, filesFolded } from "../../catalog/queries/packages.ts";
import type { PackageFileTable, StorageLocationTable } from "../../catalog/tables.ts";
import type { PackageFileEntry } from "../../log/events.ts";
import type { Context } from "../context.ts";
import { packageErrors } from "../errors.ts";
import { once } from "../idempotency.ts";
import { dropLeases, requireObjects } from "../objects/leases.ts";
import type { PackageFileRecord, PackageFileRequest } from "../records/packages.ts";
import { findEvidence, requireOpen } from "./find-package.ts";
import {
  type CheckedFile,
  checkFiles,
  checkPath,
  directoriesAbove,
  duplicatePath,
  MAX_FILES,
  tooManyFiles,
} from "./package-rules.ts";

/** An event has at most 65,535 bytes; this leaves room for what stands around its files. */
const MAX_BATCH_BYTES = 60_000;
const MAX_BATCH_FILES = 400;
/** Of an entry in an event besides its path and media type: keys, two digests in hex, the size. */
const ENTRY_BYTES = 200;

/** Adds files of bytes that are here already, all of them or none. */
export async function addPackageFiles(
  context: Context,
  id: string,
  files: readonly PackageFileRequest[],
  { replace = false }: { replace?: boolean },
): Promise<readonly PackageFileRecord[]> {
  return once(context, async (tx) => {
    const row = await findEvidence(tx, context, id, "package.write");
    requireOpen(row);
    const checked = checkFiles(files);
    if (checked.length === 0) return [];
    const present = await filesInTheWay(tx, id, checked);
    const { added, replaced } = sortOut(checked, present, replace);
    if (row.file_count + added.length > MAX_FILES) {
      throw tooManyFiles(row.file_count + added.length, MAX_FILES);
    }
    const changed = [...added, ...replaced.map(({ file }) => file)];
    const digests = changed.map(({ sha256 }) => sha256);
    const objects = await requireObjects(tx, tx.now, context.principal, digests);
    const entries = new Map(changed.map((file, index) => [file.path, entryOf(file, objects[index]!)]));
    await recordAdded(
      tx,
      id,
      added.map(({ path }) => entries.get(path)!),
    );
    for (const { file, before } of replaced) {
      await tx.record({
        type: "v1.package.file_replaced",
        subject: id,
        data: {
          app_id: null,
          package_id: id,
          file: entries.get(file.path)!,
          previous_sha256: before.sha256,
        },
      });
    }
    await dropLeases(tx, context.principal, new Set(checked.map(({ sha256 }) => sha256)));
    return checked.map((file) => {
      const entry = entries.get(file.path);
      return entry === undefined ? fileRecord(present.same.get(file.path)!) : recordOf(entry);
    });
  });
}

/** Takes a file out of an open package, and answers its entry. Its bytes stay for whatever else names them. */
export async function removePackageFile(
  context: Context,
  id: string,
  path: string,
): Promise<PackageFileRecord> {
  return context.database.write(context.principal, async (tx) => {
    requireOpen(await findEvidence(tx, context, id, "package.write"));
    const file = await requireFile(tx, id, path);
    await tx.record({
      type: "v1.package.file_removed",
      subject: id,
      data: { app_id: null, package_id: id, path: file.path, artifact_id: null },
    });
    return fileRecord(file);
  });
}

/** Raises `package.file_not_found`. */
export async function requireFile(
  reader: Pick<Transaction, "first">,
  id: string,
  path: string,
): Promise<PackageFileTable> {
  const file = await reader.first(fileAt, { package_id: id, path: checkPath(path) });
  if (file !== undefined) return file;
  throw packageErrors.error("package.file_not_found", `${id} has no file ${path}.`, {
    details: { package: id, path },
  });
}

export function fileRecord(row: PackageFileTable): PackageFileRecord {
  return {
    path: row.path,
    sha256: row.sha256,
    blake3: row.blake3,
    size_bytes: row.size_bytes,
    media_type: row.media_type,
  };
}

/** What stands already where these files are to go. */
interface Present {
  /** By path: the same path. */
  readonly same: ReadonlyMap<string, PackageFileTable>;
}

/**
 * Looks at everything that the files could meet, in two queries however many there are. Raises `package.duplicate_path` for a path
 * that differs in capitals only, and for a file where a directory is or the other way round.
 */
async function filesInTheWay(tx: Transaction, id: string, files: readonly CheckedFile[]): Promise<Present> {
  const forms = new Set(files.flatMap(({ folded }) => [folded, ...directoriesAbove(folded)]));
  const rows = new Map<string, PackageFileTable>();
  for (const part of partsOf([...forms])) {
    for (const row of await tx.fetch(filesFolded(id, part))) rows.set(row.folded, row);
  }
  const same = new Map<string, PackageFileTable>();
  for (const { path, folded } of files) {
    const row = rows.get(folded);
    if (row !== undefined && row.path !== path) throw duplicatePath(path, row.path);
    if (row !== undefined) same.set(path, row);
    const above = directoriesAbove(folded).find((directory) => rows.has(directory));
    if (above !== undefined) throw duplicatePath(path, rows.get(above)!.path);
  }
  const byForm = new Map(files.map((file) => [file.folded, file]));
  const [below] = await tx.fetch(filesBelow(id, [...byForm.keys()]));
  if (below !== undefined) throw duplicatePath(byForm.get(below.folded)!.path, below.path!);
  return { same };
}

/** A statement takes some thousand parameters. */
function partsOf(forms: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let start = 0; start < forms.length; start += 5_000) parts.push(forms.slice(start, start + 5_000));
  return parts;
}

function sortOut(files: readonly CheckedFile[], { same }: Present, replace: boolean) {
  const added: CheckedFile[] = [];
  const replaced: { file: CheckedFile; before: PackageFileTable }[] = [];
  for (const file of files) {
    const before = same.get(file.path);
    if (before === undefined) added.push(file);
    else if (before.sha256 !== file.sha256 && !replace) throw duplicatePath(file.path, file.path);
    else if (before.sha256 !== file.sha256) replaced.push({ file, before });
  }
  return { added, replaced };
}

/** Records them in as few events as hold them. */
async function recordAdded(tx: Transaction, id: string, entries: readonly PackageFileEntry[]): Promise<void> {
  let batch: PackageFileEntry[] = [];
  let bytes = 0;
  const flush = async () => {
    if (batch.length === 0) return;
    await tx.record({
      type: "v1.package.file_added",
      subject: id,
      data: { app_id: null, package_id: id, files: batch },
    });
    [batch, bytes] = [[], 0];
  };
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.path) + entry.media_type.length + ENTRY_BYTES;
    if (batch.length === MAX_BATCH_FILES || bytes + size > MAX_BATCH_BYTES) await flush();
    batch.push(entry);
    bytes += size;
  }
  await flush();
}

function entryOf(file: CheckedFile, object: StorageLocationTable): PackageFileEntry {
  return {
    path: file.path,
    sha256: file.sha256,
    blake3: object.blake3,
    size: object.size_bytes,
    media_type: file.mediaType,
  };
}

function recordOf({ path, sha256, blake3, size, media_type }: PackageFileEntry): PackageFileRecord {
  return { path, sha256, blake3, size_bytes: size, media_type };
}
