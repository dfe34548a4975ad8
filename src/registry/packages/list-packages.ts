import { toTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import { indexedValue } from "../../catalog/metadata-scalars.ts";
import { appBySlug } from "../../catalog/queries/apps.ts";
import { releasesOfPackages } from "../../catalog/queries/channels.ts";
import {
  filesAfter,
  type PackageQuery,
  packagePage,
  type PackageRow,
} from "../../catalog/queries/packages.ts";
import { hasScope } from "../access.ts";
import type { Context } from "../context.ts";
import { packageErrors } from "../errors.ts";
import { keysetOf, pageLimit, pageOf, pathCursorOf } from "../paging.ts";
import {
  type PackageFileRecord,
  type PackageListRequest,
  type ListedPackage,
  packageStatuses,
} from "../records/packages.ts";
import type { Page, PageRequest } from "../records/pages.ts";
import { planOf } from "../retention/plan.ts";
import { checkTime } from "../rules.ts";
import { findPackage, packageRecord, requirePackageReader } from "./find-package.ts";
import { fileRecord } from "./package-files.ts";
import { checkRetentionClass } from "./package-rules.ts";

/** Packages that the principal may read, newest first. */
export async function listPackages(
  context: Context,
  request: PackageListRequest,
): Promise<Page<ListedPackage>> {
  const { principal } = context;
  requirePackageReader(principal);
  const filter = checkFilter(request);
  return context.database.read(async (reader) => {
    const of = await placesOf(reader, context);
    if (of === undefined) return { items: [], next: null };
    const now = toTimestamp(context.clock.nowMs());
    const dueBy = request.eligible === true ? now : undefined;
    const rows = await reader.fetch(packagePage(keysetOf(request), { ...filter, of, dueBy }));
    const releases = await releasesByPackage(reader, rows);
    const page = pageOf(
      rows,
      pageLimit(request),
      (row) => recordOf(row, now, releases.get(row.id)),
      (row) => [dueBy === undefined ? row.created_at : row.due_at!, row.id],
    );
    if (dueBy === undefined) return page;
    const needed = await neededAgain(reader, rows, dueBy);
    return { ...page, items: page.items.filter(({ id }) => !needed.has(id)) };
  });
}

/**
 * Releases that a sweep found to be deletable and that something keeps since: a window that became wider, or lost one to a revocation.
 * The next sweep records that.
 */
async function neededAgain(
  reader: Reader,
  rows: readonly PackageRow[],
  now: string,
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const { id, app_id } of rows) {
    if (app_id === null) continue;
    if ((await planOf(reader, { id, app_id }, now)).action === "keep") needed.add(id);
  }
  return needed;
}

/** The files of a package, in order. */
export async function listPackageFiles(
  context: Context,
  id: string,
  page: PageRequest,
): Promise<Page<PackageFileRecord>> {
  const limit = pageLimit(page);
  const path = pathCursorOf(page) ?? "";
  return context.database.read(async (reader) => {
    await findPackage(reader, context, id);
    const rows = await reader.all(filesAfter, { package_id: id, path, limit: limit + 1 });
    return pageOf(rows, limit, fileRecord, (row) => [row.path]);
  });
}

/** Whose packages these callers see; undefined for nobody's. */
async function placesOf(reader: Reader, { principal }: Context): Promise<PackageQuery["of"] | undefined> {
  if (principal.app === null) return hasScope(principal, "read") ? "all" : "evidence";
  if (!hasScope(principal, "read")) return undefined;
  const app = await reader.first(appBySlug, { slug: principal.app });
  return app && { appId: app.id };
}

function checkFilter(request: PackageListRequest): Omit<PackageQuery, "of"> {
  const { status, retention_class, since, until } = request;
  if (status !== undefined && !(packageStatuses as readonly string[]).includes(status)) {
    throw packageErrors.error("package.invalid_filter", `No package is ${status}.`, {
      details: { status, known: packageStatuses },
    });
  }
  return {
    status,
    kind: request.kind,
    producer: request.producer,
    subject: request.subject,
    retentionClass: retention_class === undefined ? undefined : checkRetentionClass(retention_class),
    since: since === undefined ? undefined : checkTime(since),
    until: until === undefined ? undefined : checkTime(until),
    metadata: Object.entries(request.metadata ?? {}).map(([key, value]) => [key, indexedValue(value)]),
  };
}

type ReleaseRows = readonly {
  readonly id: string;
  readonly version: string;
  readonly build: string;
  /** A channel that points at it. */
  readonly name: string | null;
}[];

function recordOf(row: PackageRow, now: string, releases: ReleaseRows = []): ListedPackage {
  const isDue = row.due_at !== null && row.due_at <= now;
  const [release] = releases;
  return {
    ...packageRecord({ row, app: row.slug === null ? undefined : { slug: row.slug } }),
    release:
      release === undefined
        ? null
        : { release_id: release.id, version: release.version, build: release.build },
    kept_by: {
      holds: row.active_holds ?? 0,
      expires_at: row.current_expires_at,
      channels: releases.flatMap(({ name }) => name ?? []),
    },
    // What keeps a release may have come without an event of its own.
    due_at: isDue && (row.app_id === null || row.marked_at !== null) ? row.due_at : null,
  };
}

async function releasesByPackage(
  reader: Reader,
  rows: readonly PackageRow[],
): Promise<ReadonlyMap<string, ReleaseRows>> {
  const releases = rows.filter(({ app_id: app }) => app !== null).map(({ id }) => id);
  const found = releases.length === 0 ? [] : await reader.fetch(releasesOfPackages(releases));
  return Map.groupBy(found, ({ package_id: id }) => id);
}
