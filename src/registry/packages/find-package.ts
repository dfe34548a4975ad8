import type { Reader } from "../../catalog/database.ts";
import { appById } from "../../catalog/queries/apps.ts";
import { packageById } from "../../catalog/queries/packages.ts";
import type { AppTable, PackageTable } from "../../catalog/tables.ts";
import type { JsonObject } from "../../log/events.ts";
import { hasScope, mayInApp, requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import { packageErrors } from "../errors.ts";
import type { Principal } from "../principal.ts";
import type { PackageRecord, PackageStatus } from "../records/packages.ts";

/** A package with the app whose release it is, if it is one. */
export interface FoundPackage {
  readonly row: PackageTable;
  readonly app: AppTable | undefined;
}

/** Raises `auth.*` unless the principal may read packages at all; whose is another question. */
export function requirePackageReader(principal: Principal): void {
  requireScope(principal, "package.read", { app: principal.app, channel: principal.channel });
}

/**
 * A package that the principal may read: evidence with `package.read` that is limited to no app, a release's with `read` in its app
 * besides. Raises `auth.*`, `package.not_found`.
 */
export async function findPackage(reader: Reader, context: Context, id: string): Promise<FoundPackage> {
  const { principal } = context;
  requirePackageReader(principal);
  const row = await reader.first(packageById, { id });
  const app = row?.app_id == null ? undefined : await reader.first(appById, { id: row.app_id });
  if (row !== undefined && mayReadPackage(principal, row, app)) return { row, app };
  throw packageErrors.error("package.not_found", `There is no package ${id}.`, { details: { package: id } });
}

/** A package of evidence that the principal may change with `scope`. Raises `auth.*`, `package.not_found`, `package.not_open`. */
export async function findEvidence(
  reader: Reader,
  context: Context,
  id: string,
  scope: "package.write" | "retention",
): Promise<PackageTable> {
  requireScope(context.principal, scope, { app: null });
  const { row } = await findPackage(reader, context, id);
  if (row.app_id === null) return row;
  throw packageErrors.error("package.not_open", `${id} is a release's package; releases change it.`, {
    details: { package: id, kind: row.kind },
  });
}

/** True when the principal may know of the package. */
function mayReadPackage(principal: Principal, row: PackageTable, app: AppTable | undefined): boolean {
  if (app === undefined) return principal.app === null && hasScope(principal, "package.read");
  // A draft is seen only by those who may publish.
  const scope = row.finalized_at === null ? "publish" : "read";
  return mayInApp(principal, scope, app.slug);
}

export function packageRecord({
  row,
  app,
}: {
  row: PackageTable;
  app: Pick<AppTable, "slug"> | undefined;
}): PackageRecord {
  return {
    id: row.id,
    kind: row.kind,
    status: row.status as PackageStatus,
    app: app?.slug ?? null,
    producer: row.producer,
    subject: row.subject,
    metadata: JSON.parse(row.metadata) as JsonObject,
    retention_class: row.retention_class,
    retrieval_tier: row.retrieval_tier as PackageRecord["retrieval_tier"],
    manifest_sha256: row.manifest_sha256,
    manifest_size_bytes: row.manifest_size_bytes,
    file_count: row.file_count,
    size_bytes: row.size_bytes,
    key: row.request_key,
    created_at: row.created_at,
    finalized_at: row.finalized_at,
    failed_at: row.failed_at,
    fail_reason: row.fail_reason,
    deleted_at: row.deleted_at,
  };
}

/** Raises `package.not_open` unless files may still come and go. */
export function requireOpen({ id, status }: PackageTable): void {
  if (status === "created" || status === "uploading") return;
  throw packageErrors.error("package.not_open", `${id} is ${status}.`, { details: { package: id, status } });
}

/** Raises `package.deleted` for a package whose bytes are gone. */
export function requireThere({ id, deleted_at }: PackageTable): void {
  if (deleted_at === null) return;
  throw packageErrors.error("package.deleted", `${id} was deleted.`, {
    details: { package: id, deleted_at },
    hint: "Its record, manifest and history stay.",
  });
}
