import { DistError } from "../../base/errors.ts";
import { locationOf } from "../../catalog/queries/objects.ts";
import { filesOfPackage } from "../../catalog/queries/packages.ts";
import type { PackageFileTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import type { PackageVerifyReport } from "../records/packages.ts";
import type { ReportOptions } from "../records/pages.ts";
import type { Problem } from "../records/store.ts";
import { digestFault, hashObject } from "../store/hash-object.ts";
import { findPackage, requireThere } from "./find-package.ts";
import { readManifest } from "./manifest-reader.ts";

/** What a manifest's entry says of a file, in the words of the view. */
type ManifestFile = Pick<PackageFileTable, "path" | "sha256" | "blake3" | "size_bytes" | "media_type">;

/** Hashes everything that is stored of a package: the manifest against its name, each file against the manifest and the view. */
export async function verifyPackage(
  context: Context,
  id: string,
  { onProgress, signal }: ReportOptions,
): Promise<PackageVerifyReport> {
  const { row, files } = await context.database.read(async (reader) => {
    const { row: found } = await findPackage(reader, context, id);
    requireThere(found);
    return { row: found, files: await reader.all(filesOfPackage, { package_id: id }) };
  });
  const problems: Problem[] = [];
  if (row.manifest_sha256 !== null) {
    problems.push(...(await manifestProblems(context, row.manifest_sha256, files)));
  }
  let bytes = 0;
  for (const [index, file] of files.entries()) {
    signal?.throwIfAborted();
    const fault = await fileFault(context, file);
    if (fault !== undefined) problems.push({ ...fault, target: file.path });
    bytes += file.size_bytes;
    onProgress?.({ phase: "files", done: index + 1, total: files.length });
  }
  return {
    ok: problems.length === 0,
    problems,
    package_id: id,
    manifest_sha256: row.manifest_sha256,
    checked: { files: files.length, bytes },
  };
}

/** What is wrong with an object's bytes; undefined when they are what they should be. */
async function fileFault(
  context: Context,
  expected: { readonly sha256: string; readonly blake3: string; readonly size_bytes: number },
): Promise<Omit<Problem, "target"> | undefined> {
  const { sha256 } = expected;
  const row = await context.database.first(locationOf, { sha256 });
  if (row?.status !== "present") return { code: "object.missing", message: "Its bytes are not here." };
  try {
    return digestFault(await hashObject(context.blobs, { sha256, key: row.physical_key }), expected);
  } catch (error) {
    if (error instanceof DistError) return { code: error.code, message: error.message };
    throw error;
  }
}

async function manifestProblems(
  context: Context,
  sha256: string,
  files: readonly PackageFileTable[],
): Promise<Problem[]> {
  const row = await context.database.first(locationOf, { sha256 });
  const expected = { sha256, blake3: row?.blake3 ?? "", size_bytes: row?.size_bytes ?? 0 };
  const fault = await fileFault(context, expected);
  if (fault !== undefined) return [{ ...fault, target: "manifest" }];
  const listed = new Map(
    (await listedFiles(context, sha256, row!.physical_key)).map((file) => [file.path, file]),
  );
  const problems: Problem[] = [];
  for (const file of files) {
    if (!isSame(listed.get(file.path), file)) {
      const message = "The manifest does not say this of it.";
      problems.push({ code: "manifest.differs", message, target: file.path });
    }
    listed.delete(file.path);
  }
  for (const path of listed.keys()) {
    problems.push({ code: "manifest.differs", message: "Only the manifest names it.", target: path });
  }
  return problems;
}

function isSame(listed: ManifestFile | undefined, file: PackageFileTable): boolean {
  return (
    listed !== undefined &&
    listed.sha256 === file.sha256 &&
    listed.blake3 === file.blake3 &&
    listed.size_bytes === file.size_bytes &&
    listed.media_type === file.media_type
  );
}

/** The files that a stored manifest lists; its bytes were just proven to be the ones that were written. */
async function listedFiles(context: Context, sha256: string, key: string): Promise<ManifestFile[]> {
  const bytes = await Array.fromAsync(
    (await context.blobs.read({ sha256, key })) as AsyncIterable<Uint8Array>,
  );
  return readManifest(Buffer.concat(bytes)).manifest.files.map(({ size, ...file }) => ({
    ...file,
    size_bytes: size,
  }));
}
