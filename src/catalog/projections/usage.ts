import type { Writer } from "../database.ts";
import { query } from "../query.ts";
import type { PackageUsageTable } from "../tables.ts";

/**
 * Adds a finalized package, as it stands now, to what the store keeps; or takes it away again, before it changes. Packages that are not
 * finalized count for nothing.
 */
export async function countPackage(writer: Writer, packageId: string, sign: 1 | -1): Promise<void> {
  const row = await writer.first(countedPackage, { package_id: packageId });
  if (row === undefined) return;
  const held = (row.active_holds ?? 0) > 0 ? sign : 0;
  const eligible = held === 0 && row.marked_at !== null ? sign : 0;
  await writer.change(addUsage, {
    app_id: row.app_id ?? "",
    retention_class: row.retention_class ?? "",
    month: row.created_at.slice(0, "2026-11".length),
    packages: sign,
    size_bytes: sign * row.size_bytes,
    held_packages: held,
    held_bytes: held * row.size_bytes,
    eligible_packages: eligible,
    eligible_bytes: eligible * row.size_bytes,
  });
}

const countedPackage = query<{ package_id: string }>()((db, p) =>
  db
    .selectFrom("package")
    .leftJoin("retention_state", "retention_state.package_id", "package.id")
    .select(["package.app_id", "package.retention_class", "package.created_at", "package.size_bytes"])
    .select(["retention_state.active_holds", "retention_state.marked_at"])
    .where("package.id", "=", p.package_id)
    .where("package.status", "=", "finalized"),
);

const addUsage = query<PackageUsageTable>()((db, p) =>
  db
    .insertInto("package_usage")
    .values({
      app_id: p.app_id,
      retention_class: p.retention_class,
      month: p.month,
      packages: p.packages,
      size_bytes: p.size_bytes,
      held_packages: p.held_packages,
      held_bytes: p.held_bytes,
      eligible_packages: p.eligible_packages,
      eligible_bytes: p.eligible_bytes,
    })
    .onConflict((conflict) =>
      conflict.columns(["app_id", "retention_class", "month"]).doUpdateSet((eb) => ({
        packages: eb("package_usage.packages", "+", eb.ref("excluded.packages")),
        size_bytes: eb("package_usage.size_bytes", "+", eb.ref("excluded.size_bytes")),
        held_packages: eb("package_usage.held_packages", "+", eb.ref("excluded.held_packages")),
        held_bytes: eb("package_usage.held_bytes", "+", eb.ref("excluded.held_bytes")),
        eligible_packages: eb("package_usage.eligible_packages", "+", eb.ref("excluded.eligible_packages")),
        eligible_bytes: eb("package_usage.eligible_bytes", "+", eb.ref("excluded.eligible_bytes")),
      })),
    ),
);
