import { sql } from "kysely";

import { query } from "../query.ts";

/** Sums of `package_usage`, which has a row for each app, class and month: it grows with these, not with the packages. */
const sums = {
  packages: sql<number>`sum(packages)`,
  size_bytes: sql<number>`sum(size_bytes)`,
};

export const usageByClass = query<object>()((db) =>
  db
    .selectFrom("package_usage")
    .select(["retention_class", sums.packages.as("packages"), sums.size_bytes.as("size_bytes")])
    .select([
      sql<number>`sum(held_packages)`.as("held_packages"),
      sql<number>`sum(held_bytes)`.as("held_bytes"),
      sql<number>`sum(eligible_packages)`.as("eligible_packages"),
      sql<number>`sum(eligible_bytes)`.as("eligible_bytes"),
    ])
    .groupBy("retention_class"),
);

/** Apps with most bytes first, evidence not among them. */
export const usageByApp = query<{ limit: number }>()((db, p) =>
  db
    .selectFrom("package_usage")
    .innerJoin("app", "app.id", "package_usage.app_id")
    .select(["app.slug", sums.packages.as("packages"), sums.size_bytes.as("size_bytes")])
    .groupBy(["app.id", "app.slug"])
    .orderBy("size_bytes", "desc")
    .orderBy("app.slug")
    .limit(p.limit),
);

export const usageOfEvidence = query<object>()((db) =>
  db
    .selectFrom("package_usage")
    .select([
      sql<number>`coalesce(sum(packages), 0)`.as("packages"),
      sql<number>`coalesce(sum(size_bytes), 0)`.as("size_bytes"),
    ])
    .where("app_id", "=", ""),
);

/** Latest month first. */
export const usageByMonth = query<object>()((db) =>
  db
    .selectFrom("package_usage")
    .select(["month", sums.packages.as("packages"), sums.size_bytes.as("size_bytes")])
    .groupBy("month")
    .orderBy("month", "desc"),
);

/** By the index `storage_location_size`, which has all that is asked. */
export const objectUsage = query<object>()((db) =>
  db
    .selectFrom("storage_location")
    .select([
      sql<number>`count(*)`.as("objects"),
      sql<number>`coalesce(sum(size_bytes), 0)`.as("size_bytes"),
    ]),
);
