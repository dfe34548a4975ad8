import type { Transaction } from "../../catalog/database.ts";
import { filesOfPackage, packageById } from "../../catalog/queries/packages.ts";
import type { PackageTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import { packageErrors } from "../errors.ts";
import { dropLeases, requireObjects } from "../objects/leases.ts";
import { storeBytes } from "../objects/upload-objects.ts";
import { manifestOf } from "../package-manifest.ts";
import { recordingTime } from "../recording-time.ts";
import type { UploadedObject } from "../records/objects.ts";
import type { PackageRecord } from "../records/packages.ts";
import { freeRefused } from "../releases/publish.ts";
import { findEvidence, packageRecord, requireOpen } from "./find-package.ts";
import { checkRequiredReason } from "./package-rules.ts";

/**
 * Closes a package: its manifest is made and stored outside any transaction, and counts only if the files are still the same, and
 * its bytes still here, when it is recorded.
 */
export async function finalizePackage(context: Context, id: string): Promise<PackageRecord> {
  const { row, files } = await context.database.read(async (reader) => {
    const found = await findEvidence(reader, context, id, "package.write");
    const list = found.status === "finalized" ? [] : await reader.all(filesOfPackage, { package_id: id });
    return { row: found, files: list };
  });
  if (row.status === "finalized") return packageRecord({ row, app: undefined });
  requireOpen(row);
  if (files.length === 0) {
    throw packageErrors.error("package.empty", `${id} has no files.`, { details: { package: id } });
  }
  const finalizedAt = await recordingTime(context);
  const manifest = await storeBytes(context, manifestOf(row, files, finalizedAt));
  try {
    return await context.database.write(context.principal, (tx) =>
      record(tx, context, { row, finalizedAt, manifest }),
    );
  } catch (error) {
    const made = [manifest.sha256];
    await freeRefused(context, error, made, made);
    throw error;
  }
}

async function record(
  tx: Transaction,
  context: Context,
  closing: { readonly row: PackageTable; readonly finalizedAt: string; readonly manifest: UploadedObject },
): Promise<PackageRecord> {
  const { row, finalizedAt, manifest } = closing;
  const { id } = row;
  const now = await findEvidence(tx, context, id, "package.write");
  if (now.status === "finalized") {
    await dropLeases(tx, context.principal, [manifest.sha256]);
    return packageRecord({ row: now, app: undefined });
  }
  requireOpen(now);
  if (now.files_seq !== row.files_seq) {
    throw packageErrors.error("package.changed", `${id} changed while it was being finalized. Retry.`, {
      details: { package: id },
    });
  }
  await requireObjects(tx, tx.now, context.principal, [manifest.sha256]);
  await tx.record({
    type: "v1.package.finalized",
    subject: id,
    data: {
      app_id: null,
      package_id: id,
      manifest_sha256: manifest.sha256,
      manifest_size: manifest.size_bytes,
      file_count: row.file_count,
      total_size: row.size_bytes,
      finalized_at: finalizedAt,
    },
  });
  await dropLeases(tx, context.principal, [manifest.sha256]);
  return packageRecord({ row: (await tx.first(packageById, { id }))!, app: undefined });
}

/** Gives an open package up. What was brought stays as it is until its period ends. */
export async function failPackage(
  context: Context,
  id: string,
  request: { reason: string },
): Promise<PackageRecord> {
  const reason = checkRequiredReason(request.reason);
  return context.database.write(context.principal, async (tx) => {
    requireOpen(await findEvidence(tx, context, id, "package.write"));
    await tx.record({
      type: "v1.package.failed",
      subject: id,
      data: { app_id: null, package_id: id, reason },
    });
    return packageRecord({ row: (await tx.first(packageById, { id }))!, app: undefined });
  });
}
