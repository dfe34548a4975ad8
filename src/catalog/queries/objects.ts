import { sql } from "kysely";

import { query } from "../query.ts";
import type { LeaseTable, StorageLocationTable } from "../tables.ts";

export const locationOf = query<{ sha256: string }>()((db, p) =>
  db.selectFrom("storage_location").selectAll().where("sha256", "=", p.sha256),
);

export const insertLocation = query<StorageLocationTable>()((db, p) =>
  db.insertInto("storage_location").values({
    sha256: p.sha256,
    blake3: p.blake3,
    size_bytes: p.size_bytes,
    backend: p.backend,
    physical_key: p.physical_key,
    tier: p.tier,
    status: p.status,
    generation: p.generation,
    locked_version: p.locked_version,
    locked_until: p.locked_until,
  }),
);

/** The same for an object that may be known already: what is said last holds. */
export const putLocation = query<StorageLocationTable>()((db, p) =>
  db
    .insertInto("storage_location")
    .values({
      sha256: p.sha256,
      blake3: p.blake3,
      size_bytes: p.size_bytes,
      backend: p.backend,
      physical_key: p.physical_key,
      tier: p.tier,
      status: p.status,
      generation: p.generation,
      locked_version: p.locked_version,
      locked_until: p.locked_until,
    })
    .onConflict((conflict) =>
      conflict.column("sha256").doUpdateSet({
        backend: p.backend,
        physical_key: p.physical_key,
        tier: p.tier,
        status: p.status,
        generation: p.generation,
        locked_version: p.locked_version,
        locked_until: p.locked_until,
      }),
    ),
);

/** Says where an object stands now, if that is another place than before; what was locked is not what stands there. */
export const moveLocation = query<{ sha256: string; physical_key: string }>()((db, p) =>
  db
    .updateTable("storage_location")
    .set({ physical_key: p.physical_key, locked_version: null, locked_until: null })
    .where("sha256", "=", p.sha256)
    .where("physical_key", "!=", p.physical_key),
);

/** Marks an object as going; 0 rows when it is no longer what the caller saw. */
export const markDeleting = query<{ sha256: string; generation: number }>()((db, p) =>
  db
    .updateTable("storage_location")
    .set({ status: "deleting" })
    .where("sha256", "=", p.sha256)
    .where("generation", "=", p.generation)
    .where("status", "=", "present"),
);

export const deleteLocation = query<{ sha256: string; generation: number }>()((db, p) =>
  db.deleteFrom("storage_location").where("sha256", "=", p.sha256).where("generation", "=", p.generation),
);

/** What kind of place keeps the store's objects; nothing while there are none. */
export const usedBackend = query<object>()((db) =>
  db.selectFrom("storage_location").select("backend").limit(1),
);

/** Every known object after a digest, in digest order. */
export const locationsAfter = query<{ sha256: string; limit: number }>()((db, p) =>
  db
    .selectFrom("storage_location")
    .selectAll()
    .where("sha256", ">", p.sha256)
    .orderBy("sha256")
    .limit(p.limit),
);

/** A live package that names these bytes. */
export const livePackageWith = query<{ sha256: string }>()((db, p) =>
  db
    .selectFrom("package_file")
    .select("package_id")
    .where("sha256", "=", p.sha256)
    .where("live", "=", 1)
    .limit(1),
);

/** A manifest, notes or an icon with these bytes: needed for ever, deleted or not. */
export const permanentReferenceTo = query<{ sha256: string }>()((db, p) =>
  db
    .selectFrom("package")
    .select("id")
    .where("manifest_sha256", "=", p.sha256)
    .unionAll(db.selectFrom("release").select("id").where("notes_sha256", "=", p.sha256))
    .unionAll(db.selectFrom("artifact").select("id").where("icon_sha256", "=", p.sha256))
    .limit(1),
);

/** Somebody who holds an unexpired lease on these bytes. */
export const hasLease = query<{ sha256: string; now: string }>()((db, p) =>
  db
    .selectFrom("lease")
    .select("principal")
    .where("sha256", "=", p.sha256)
    .where("expires_at", ">", p.now)
    .limit(1),
);

export const leaseOf = query<{ sha256: string; principal: string }>()((db, p) =>
  db.selectFrom("lease").selectAll().where("sha256", "=", p.sha256).where("principal", "=", p.principal),
);

export const putLease = query<LeaseTable>()((db, p) =>
  db
    .insertInto("lease")
    .values({ sha256: p.sha256, principal: p.principal, expires_at: p.expires_at })
    .onConflict((conflict) =>
      conflict.columns(["sha256", "principal"]).doUpdateSet({ expires_at: p.expires_at }),
    ),
);

export const dropLease = query<{ sha256: string; principal: string }>()((db, p) =>
  db.deleteFrom("lease").where("sha256", "=", p.sha256).where("principal", "=", p.principal),
);

export const dropExpiredLeases = query<{ now: string }>()((db, p) =>
  db.deleteFrom("lease").where("expires_at", "<=", p.now),
);

/**
 * What names these bytes, as an artifact, as its icon, as notes or as a release's manifest, with what decides who may read
 * them. `artifact_id` is that of an artifact and of its icon; `stays` is 1 for icons, notes and manifests, which outlive the release's
 * deletion.
 */
export const namesOfObject = query<{ sha256: string }>()((db, p) =>
  db
    .selectFrom("artifact")
    .innerJoin("release", "release.id", "artifact.release_id")
    .innerJoin("app", "app.id", "release.app_id")
    .select(["release.id", "release.app_id", "release.status", "release.published_at"])
    .select(["app.slug", "app.visibility"])
    .select([
      sql<string | null>`artifact.id`.as("artifact_id"),
      sql<string | null>`artifact.filename`.as("filename"),
      "artifact.content_type",
      sql<string | null>`artifact.format`.as("format"),
      sql<string | null>`artifact.platform`.as("platform"),
    ])
    .select(sql<number>`0`.as("stays"))
    .where("artifact.sha256", "=", p.sha256)
    .unionAll(
      db
        .selectFrom("release")
        .innerJoin("app", "app.id", "release.app_id")
        .select(["release.id", "release.app_id", "release.status", "release.published_at"])
        .select(["app.slug", "app.visibility"])
        .select([
          sql<string | null>`null`.as("artifact_id"),
          sql<string | null>`null`.as("filename"),
          sql<string>`'text/plain; charset=utf-8'`.as("content_type"),
          sql<string | null>`null`.as("format"),
          sql<string | null>`null`.as("platform"),
        ])
        .select(sql<number>`1`.as("stays"))
        .where("release.notes_sha256", "=", p.sha256),
    )
    .unionAll(
      db
        .selectFrom("artifact")
        .innerJoin("release", "release.id", "artifact.release_id")
        .innerJoin("app", "app.id", "release.app_id")
        .select(["release.id", "release.app_id", "release.status", "release.published_at"])
        .select(["app.slug", "app.visibility"])
        .select([
          sql<string | null>`artifact.id`.as("artifact_id"),
          sql<string | null>`null`.as("filename"),
          sql<string>`artifact.icon_content_type`.as("content_type"),
          sql<string | null>`null`.as("format"),
          sql<string | null>`null`.as("platform"),
        ])
        .select(sql<number>`1`.as("stays"))
        .where("artifact.icon_sha256", "=", p.sha256),
    )
    .unionAll(
      db
        .selectFrom("package")
        .innerJoin("release", "release.package_id", "package.id")
        .innerJoin("app", "app.id", "release.app_id")
        .select(["release.id", "release.app_id", "release.status", "release.published_at"])
        .select(["app.slug", "app.visibility"])
        .select([
          sql<string | null>`null`.as("artifact_id"),
          sql<string | null>`null`.as("filename"),
          sql<string>`'application/cbor'`.as("content_type"),
          sql<string | null>`null`.as("format"),
          sql<string | null>`null`.as("platform"),
        ])
        .select(sql<number>`1`.as("stays"))
        .where("package.manifest_sha256", "=", p.sha256),
    ),
);

/** What a package of evidence calls these bytes, a live one before deleted ones: a file, or its manifest, which has no path. */
export const evidenceNaming = query<{ sha256: string }>()((db, p) =>
  db
    .selectFrom("package_file")
    .innerJoin("package", "package.id", "package_file.package_id")
    .select([
      sql<string | null>`package_file.path`.as("path"),
      sql<string>`package_file.media_type`.as("content_type"),
      sql<number>`package_file.live`.as("live"),
    ])
    .where("package_file.sha256", "=", p.sha256)
    .where("package.app_id", "is", null)
    .unionAll(
      db
        .selectFrom("package")
        .select([
          sql<string | null>`null`.as("path"),
          sql<string>`'application/cbor'`.as("content_type"),
          sql<number>`1`.as("live"),
        ])
        .where("manifest_sha256", "=", p.sha256)
        .where("app_id", "is", null),
    )
    .orderBy("live", "desc")
    .limit(1),
);

/** References to objects that nothing holds any more: rows that `store verify` reports. */
export const missingObjects = query<{ limit: number }>()((db, p) =>
  db
    .selectFrom(
      db
        .selectFrom("package_file")
        .select(["sha256", "package_id as referrer"])
        .where("live", "=", 1)
        .unionAll(
          db
            .selectFrom("package")
            .select([sql<string>`manifest_sha256`.as("sha256"), "id as referrer"])
            .where("manifest_sha256", "is not", null),
        )
        .unionAll(
          db
            .selectFrom("release")
            .select([sql<string>`notes_sha256`.as("sha256"), "id as referrer"])
            .where("notes_sha256", "is not", null),
        )
        .unionAll(
          db
            .selectFrom("artifact")
            .select([sql<string>`icon_sha256`.as("sha256"), "id as referrer"])
            .where("icon_sha256", "is not", null),
        )
        .as("reference"),
    )
    .leftJoin("storage_location", "storage_location.sha256", "reference.sha256")
    .select(["reference.sha256", "reference.referrer"])
    .where((eb) =>
      eb.or([eb("storage_location.status", "is", null), eb("storage_location.status", "=", "deleting")]),
    )
    .limit(p.limit),
);

/** The live packages that name these bytes. */
export const packagesWithObject = query<{ sha256: string }>()((db, p) =>
  db.selectFrom("package_file").select("package_id").where("sha256", "=", p.sha256).where("live", "=", 1),
);
