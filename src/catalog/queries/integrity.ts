import { sql } from "kysely";

import { query } from "../query.ts";

/**
 * References between views that must hold, each a query for the rows that break it: the id of the row, and what it
 * should refer to.
 */
export const brokenReferences = {
  "artifact without its release": query<{ limit: number }>()((db, p) =>
    db
      .selectFrom("artifact")
      .leftJoin("release", (join) =>
        join.onRef("release.id", "=", "artifact.release_id").onRef("release.app_id", "=", "artifact.app_id"),
      )
      .select("artifact.id")
      .where("release.id", "is", null)
      .limit(p.limit),
  ),
  "artifact without its file in the release's package": query<{ limit: number }>()((db, p) =>
    db
      .selectFrom("artifact")
      .innerJoin("release", "release.id", "artifact.release_id")
      .leftJoin("package_file", (join) =>
        join
          .onRef("package_file.package_id", "=", "release.package_id")
          .onRef("package_file.path", "=", "artifact.path")
          .onRef("package_file.sha256", "=", "artifact.sha256"),
      )
      .select("artifact.id")
      .where("package_file.path", "is", null)
      .limit(p.limit),
  ),
  "release without its app": query<{ limit: number }>()((db, p) =>
    db
      .selectFrom("release")
      .leftJoin("app", "app.id", "release.app_id")
      .select("release.id")
      .where("app.id", "is", null)
      .limit(p.limit),
  ),
  "release without its package": query<{ limit: number }>()((db, p) =>
    db
      .selectFrom("release")
      .leftJoin("package", "package.id", "release.package_id")
      .select("release.id")
      .where("package.id", "is", null)
      .limit(p.limit),
  ),
  "published release without an artifact": query<{ limit: number }>()((db, p) =>
    db
      .selectFrom("release")
      .leftJoin("artifact", "artifact.release_id", "release.id")
      .select("release.id")
      .where("release.status", "=", "published")
      .where("artifact.id", "is", null)
      .limit(p.limit),
  ),
  "channel that points at a release that is not published": query<{ limit: number }>()((db, p) =>
    db
      .selectFrom("channel")
      .leftJoin("release", (join) =>
        join
          .onRef("release.id", "=", "channel.current_release_id")
          .onRef("release.app_id", "=", "channel.app_id")
          .on("release.status", "=", "published"),
      )
      .select(sql<string>`channel.app_id || '/' || channel.name`.as("id"))
      .where("channel.current_release_id", "is not", null)
      .where("release.id", "is", null)
      .limit(p.limit),
  ),
  "file without its package": query<{ limit: number }>()((db, p) =>
    db
      .selectFrom("package_file")
      .leftJoin("package", "package.id", "package_file.package_id")
      .select(sql<string>`package_file.package_id || '/' || package_file.path`.as("id"))
      .where("package.id", "is", null)
      .limit(p.limit),
  ),
  "finalized package without a manifest": query<{ limit: number }>()((db, p) =>
    db
      .selectFrom("package")
      .select("id")
      .where("status", "=", "finalized")
      .where("manifest_sha256", "is", null)
      .limit(p.limit),
  ),
} as const;

/** How many rows the reference checks looked at. */
export const referenceCount = query<object>()((db) =>
  db.selectNoFrom((eb) => [
    sql<number>`${eb.selectFrom("artifact").select(eb.fn.countAll<number>().as("n"))} + ${eb
      .selectFrom("release")
      .select(eb.fn.countAll<number>().as("n"))} + ${eb
      .selectFrom("channel")
      .select(eb.fn.countAll<number>().as("n"))} + ${eb
      .selectFrom("package_file")
      .select(eb.fn.countAll<number>().as("n"))}`.as("count"),
  ]),
);

/** The numbers `store status` shows. */
export const storeCounts = query<object>()((db) =>
  db.selectNoFrom((eb) => [
    eb.selectFrom("app").select(eb.fn.countAll<number>().as("n")).as("apps"),
    eb
      .selectFrom("release")
      .select(eb.fn.countAll<number>().as("n"))
      .where("status", "in", ["published", "revoked"])
      .as("releases"),
    eb
      .selectFrom("release")
      .select(eb.fn.countAll<number>().as("n"))
      .where("status", "=", "draft")
      .as("drafts"),
    eb
      .selectFrom("package")
      .select(eb.fn.countAll<number>().as("n"))
      .where("status", "<>", "deleted")
      .as("packages"),
    eb
      .selectFrom("token")
      .select(eb.fn.countAll<number>().as("n"))
      .where("revoked_at", "is", null)
      .as("tokens"),
    eb.selectFrom("storage_location").select(eb.fn.countAll<number>().as("n")).as("objects"),
    eb
      .selectFrom("storage_location")
      .select(sql<number>`coalesce(sum(size_bytes), 0)`.as("n"))
      .as("bytes"),
  ]),
);

/** The last event, to hold against the log's head. */
export const lastEvent = query<object>()((db) =>
  db.selectFrom("event").select(["seq", "at"]).orderBy("seq", "desc").limit(1),
);
