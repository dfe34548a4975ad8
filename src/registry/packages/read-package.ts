import type { Reader } from "../../catalog/database.ts";
import { locationOf } from "../../catalog/queries/objects.ts";
import type { StorageLocationTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import { objectErrors, packageErrors } from "../errors.ts";
import { openedObject, openObject } from "../objects/read-objects.ts";
import type { OpenedObject } from "../records/objects.ts";
import type { PackageRecord } from "../records/packages.ts";
import { findPackage, packageRecord, requireThere } from "./find-package.ts";
import { requireFile } from "./package-files.ts";

export async function getPackage(context: Context, id: string): Promise<PackageRecord> {
  return context.database.read(async (reader) => packageRecord(await findPackage(reader, context, id)));
}

/** Opens a file of a package. A release's is opened as its artifact, by the release's own rules. */
export async function openPackageFile(context: Context, id: string, path: string): Promise<OpenedObject> {
  const { found, file, row } = await context.database.read(async (reader) => {
    const package_ = await findPackage(reader, context, id);
    const entry = await requireFile(reader, id, path);
    requireThere(package_.row);
    return { found: package_, file: entry, row: await requirePresent(reader, entry.sha256) };
  });
  if (found.app !== undefined) return openObject(context, file.sha256, {});
  return openedObject(context, row, {
    content_type: file.media_type,
    filename: file.path.split("/").at(-1)!,
  });
}

/** The canonical CBOR of a package's manifest. */
export async function packageManifest(context: Context, id: string): Promise<Uint8Array> {
  const row = await context.database.read(async (reader) => {
    const { row: found } = await findPackage(reader, context, id);
    if (found.manifest_sha256 !== null) return requirePresent(reader, found.manifest_sha256);
    throw packageErrors.error("package.not_finalized", `${id} is ${found.status}: it has no manifest.`, {
      details: { package: id, status: found.status },
    });
  });
  const bytes = await openedObject(context, row, { content_type: "application/cbor", filename: null }).read();
  return Buffer.concat(await Array.fromAsync(bytes as AsyncIterable<Uint8Array>));
}

/** Where the bytes are. Raises `object.not_found` for what should be here and is not, which `store verify` explains. */
export async function requirePresent(reader: Reader, sha256: string): Promise<StorageLocationTable> {
  const row = await reader.first(locationOf, { sha256 });
  if (row?.status === "present") return row;
  throw objectErrors.error("object.not_found", `There is no object ${sha256}.`, {
    details: { sha256 },
    hint: "The store should have it: run dist store verify.",
  });
}
