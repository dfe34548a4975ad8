import { sql } from "kysely";

import { query } from "../query.ts";
import type { PackageLockTable } from "../tables.ts";

/** How far the log was followed; nothing before the first run. */
export const lockMirror = query<object>()((db) =>
  db.selectFrom("lock_mirror").select("seq").where("id", "=", 1),
);

export const putLockMirror = query<{ seq: number }>()((db, p) =>
  db
    .insertInto("lock_mirror")
    .values({ id: 1, seq: p.seq })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ seq: p.seq })),
);

/** Packages that were closed, or whose keeping changed, after an event and up to another. */
export const packagesChanged = query<{ after: number; upTo: number }>()((db, p) =>
  db
    .selectFrom("event")
    .select("subject as id")
    .distinct()
    .where("type", "in", [
      "v1.package.finalized",
      "v1.package.failed",
      "v1.package.deleted",
      "v1.retention.extended",
      "v1.retention.hold_applied",
      "v1.retention.hold_released",
    ])
    .where("seq", ">", p.after)
    .where("seq", "<=", p.upTo)
    .orderBy("subject"),
);

/** Packages that are to be looked at by then, behind one, by when that is. */
export const locksDue = query<{ now: string; renew_at: string; id: string; limit: number }>()((db, p) =>
  db
    .selectFrom("package_lock")
    .select(["package_id as id", sql<string>`renew_at`.as("renew_at")])
    .where("renew_at", "<=", p.now)
    .where(sql<boolean>`renew_at IS NOT NULL`)
    .where((eb) => eb(eb.refTuple("renew_at", "package_id"), ">", eb.tuple(p.renew_at, p.id)))
    .orderBy("renew_at")
    .orderBy("package_id")
    .limit(p.limit),
);

export const packageLockOf = query<{ package_id: string }>()((db, p) =>
  db.selectFrom("package_lock").selectAll().where("package_id", "=", p.package_id),
);

export const putPackageLock = query<PackageLockTable>()((db, p) =>
  db
    .insertInto("package_lock")
    .values({ package_id: p.package_id, locked_until: p.locked_until, renew_at: p.renew_at })
    .onConflict((conflict) =>
      conflict.column("package_id").doUpdateSet({ locked_until: p.locked_until, renew_at: p.renew_at }),
    ),
);

/** Says when a package is to be looked at again, unless its lock is no longer what the caller saw. */
export const setRenewal = query<PackageLockTable>()((db, p) =>
  db
    .updateTable("package_lock")
    .set({ renew_at: p.renew_at })
    .where("package_id", "=", p.package_id)
    .where(sql<boolean>`coalesce(locked_until, '') = coalesce(${p.locked_until}, '')`),
);

export const dropPackageLock = query<{ package_id: string }>()((db, p) =>
  db.deleteFrom("package_lock").where("package_id", "=", p.package_id),
);

/** A package's files behind a path whose bytes are not locked as far as that, in order; some may have the same bytes. */
export const filesToLock = query<{ package_id: string; path: string; below: string; limit: number }>()(
  (db, p) =>
    db
      .selectFrom("package_file")
      .innerJoin("storage_location", "storage_location.sha256", "package_file.sha256")
      .select("package_file.path")
      .selectAll("storage_location")
      .where("package_file.package_id", "=", p.package_id)
      .where("package_file.path", ">", p.path)
      .where("storage_location.status", "=", "present")
      .where((eb) =>
        eb.or([
          eb("storage_location.locked_until", "is", null),
          eb("storage_location.locked_until", "<", p.below),
        ]),
      )
      .orderBy("package_file.path")
      .limit(p.limit),
);

/** Until when all files of a package are locked; the empty text while one is not, null without files. */
export const filesLockedUntil = query<{ package_id: string }>()((db, p) =>
  db
    .selectFrom("package_file")
    .leftJoin("storage_location", "storage_location.sha256", "package_file.sha256")
    .select(sql<string | null>`min(coalesce(storage_location.locked_until, ''))`.as("locked_until"))
    .where("package_file.package_id", "=", p.package_id),
);

/** Notes a lock, if the object still stands where it was locked. */
export const setLocked = query<{
  sha256: string;
  physical_key: string;
  locked_version: string;
  locked_until: string;
}>()((db, p) =>
  db
    .updateTable("storage_location")
    .set({ locked_version: p.locked_version, locked_until: p.locked_until })
    .where("sha256", "=", p.sha256)
    .where("physical_key", "=", p.physical_key),
);

/** Has the packages that name these bytes looked at again: they stand in another place now, which is not locked. */
export const lockAnew = query<{ sha256: string; now: string }>()((db, p) =>
  db
    .updateTable("package_lock")
    .set({ locked_until: null, renew_at: p.now })
    .where((eb) =>
      eb.or([
        eb(
          "package_id",
          "in",
          eb
            .selectFrom("package_file")
            .select("package_id")
            .where("sha256", "=", p.sha256)
            .where("live", "=", 1),
        ),
        eb("package_id", "in", eb.selectFrom("package").select("id").where("manifest_sha256", "=", p.sha256)),
      ]),
    ),
);
