import { type Compilable, sql } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { PackageFileTable, PackageTable } from "../tables.ts";
import { type Keyset, newestFirst } from "./paging.ts";
import { unindexed } from "./unindexed.ts";

export const packageById = query<{ id: string }>()((db, p) =>
  db.selectFrom("package").selectAll().where("id", "=", p.id),
);

/** The package that requests with this key mean. */
export const livePackageByKey = query<{ key: string }>()((db, p) =>
  db
    .selectFrom("package")
    .selectAll()
    .where("request_key", "=", p.key)
    .where(sql<boolean>`status NOT IN ('failed', 'deleted')`)
    .orderBy("created_at", "desc")
    .limit(1),
);

export const filesOfPackage = query<{ package_id: string }>()((db, p) =>
  db.selectFrom("package_file").selectAll().where("package_id", "=", p.package_id).orderBy("path"),
);

/** A package's files behind a path, in order. */
export const filesAfter = query<{ package_id: string; path: string; limit: number }>()((db, p) =>
  db
    .selectFrom("package_file")
    .selectAll()
    .where("package_id", "=", p.package_id)
    .where("path", ">", p.path)
    .orderBy("path")
    .limit(p.limit),
);

export const fileAt = query<{ package_id: string; path: string }>()((db, p) =>
  db.selectFrom("package_file").selectAll().where("package_id", "=", p.package_id).where("path", "=", p.path),
);

/** The files that stand at any of these forms of paths. */
export function filesFolded(
  packageId: string,
  folded: readonly string[],
): (db: QueryBuilder) => Compilable<PackageFileTable> {
  return (db) =>
    db
      .selectFrom("package_file")
      .selectAll()
      .where("package_id", "=", packageId)
      .where("folded", "in", [...folded]);
}

/** Of these forms of paths, those below which files stand, each with one of them. */
export function filesBelow(
  packageId: string,
  folded: readonly string[],
): (db: QueryBuilder) => Compilable<{ folded: string; path: string | null }> {
  // `0` is the character behind the slash: everything that begins with `a/` lies between `a/` and `a0`.
  return (db) => {
    const asked = sql<{ folded: string }>`(VALUES ${sql.join(folded.map((form) => sql`(${form})`))})`;
    const below = sql<string | null>`(SELECT min(path) FROM package_file
      WHERE package_id = ${packageId} AND package_file.folded > asked.column1 || '/'
        AND package_file.folded < asked.column1 || '0')`;
    return db
      .selectFrom(sql<{ column1: string }>`${asked}`.as(sql`asked`))
      .select([sql<string>`asked.column1`.as("folded"), below.as("path")])
      .where(below, "is not", null);
  };
}

export interface PackageQuery {
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly producer?: string | undefined;
  readonly subject?: string | undefined;
  readonly retentionClass?: string | undefined;
  /** Keys and values as `package_metadata` has them. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive. */
  readonly until?: string | undefined;
  /** Those that are due by then. */
  readonly dueBy?: string | undefined;
  /** Evidence only; the packages of one app's releases only; those of every app's besides evidence. */
  readonly of: "evidence" | "all" | { readonly appId: string };
}

export type PackageRow = PackageTable & {
  readonly slug: string | null;
  readonly due_at: string | null;
  readonly marked_at: string | null;
  readonly current_expires_at: string | null;
  readonly active_holds: number | null;
};

/**
 * Packages by every filter at once, newest first; those that are due by when they became so. The first of several metadata filters leads
 * through its index, so the rarest belongs there.
 */
export function packagePage(
  page: Keyset,
  filter: PackageQuery,
): (db: QueryBuilder) => Compilable<PackageRow> {
  return (db) => {
    let list = db
      .selectFrom("package")
      .leftJoin("app", "app.id", "package.app_id")
      .leftJoin("retention_state", "retention_state.package_id", "package.id")
      .selectAll("package")
      .select(["app.slug", "retention_state.due_at", "retention_state.marked_at"])
      .select(["retention_state.current_expires_at", "retention_state.active_holds"]);
    const { of, since, until, dueBy } = filter;
    const isLed = dueBy !== undefined || filter.metadata.length > 0;
    for (const [at, [column, value]] of equalities(filter).entries()) {
      const leads = (at === 0 && !isLed) || value === "";
      list = list.where(leads ? is(column, value) : isUnindexed(column, value));
    }
    // Drafts are no packages yet for those who look here.
    if (of !== "evidence") {
      list = list.where((eb) =>
        eb.or([eb("package.app_id", "is", null), eb("package.finalized_at", "is not", null)]),
      );
    }
    if (since !== undefined) list = list.where("package.created_at", ">=", since);
    if (until !== undefined) list = list.where("package.created_at", "<", until);
    const [lead, ...others] = filter.metadata;
    for (const [key, value] of others) {
      list = list.where((eb) =>
        eb.exists(
          eb
            .selectFrom("package_metadata")
            .select("package_metadata.key")
            .whereRef("package_metadata.package_id", "=", "package.id")
            .where("package_metadata.key", "=", key)
            .where("package_metadata.value", "=", value),
        ),
      );
    }
    if (dueBy !== undefined) list = list.where("retention_state.due_at", "<=", dueBy);
    if (dueBy !== undefined) {
      return newestFirst(list as never, page, ["retention_state.due_at", "retention_state.package_id"]);
    }
    if (lead === undefined) return newestFirst(list as never, page, ["package.created_at", "package.id"]);
    const led = list
      .innerJoin("package_metadata as lead", "lead.package_id", "package.id")
      .where("lead.key", "=", lead[0])
      .where("lead.value", "=", lead[1]);
    return newestFirst(led as never, page, ["lead.created_at", "lead.package_id"]);
  };
}

/** The columns that must have a value, what has it rarely first: an app, a subject, …, and at last that it is evidence. */
function equalities({ of, subject, producer, kind, retentionClass, status }: PackageQuery) {
  const isCommon = status === "finalized";
  const columns: readonly (readonly [column: string, value: string | null | undefined])[] = [
    ["app_id", typeof of === "object" ? of.appId : undefined],
    ["subject", subject],
    ["producer", producer],
    ["status", isCommon ? undefined : status],
    ["retention_class", retentionClass],
    ["kind", kind],
    ["status", isCommon ? status : undefined],
    ["app_id", of === "evidence" ? null : undefined],
  ];
  return columns.flatMap(([column, value]) => (value === undefined ? [] : [[column, value] as const]));
}

/** For the one that leads through its index. */
function is(column: string, value: string | null) {
  const found = sql.ref(`package.${column}`);
  return value === null ? sql<boolean>`${found} IS NULL` : sql<boolean>`${found} = ${value}`;
}

/** For the others. */
function isUnindexed(column: string, value: string | null) {
  return sql<boolean>`${unindexed(`package.${column}`)} = ${value ?? ""}`;
}

/** Evidence that is not deleted, after a package, in order. */
export const evidenceAfter = query<{ id: string; limit: number }>()((db, p) =>
  db
    .selectFrom("package")
    .select(["id", "size_bytes", sql<string>`''`.as("due_at")])
    .where(isUnindexed("app_id", null))
    .where("deleted_at", "is", null)
    .where("id", ">", p.id)
    .orderBy("id")
    .limit(p.limit),
);
