import {
  objectUsage,
  usageByApp,
  usageByClass,
  usageByMonth,
  usageOfEvidence,
} from "../../catalog/queries/usage.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import type { PackageSum, StorageUsage } from "../records/statistics.ts";

/** Apps named one by one; the others are summed. */
const MAX_APPS = 50;

/** What the store keeps, by class, state, app and age; needs `admin`. */
export async function storageUsage(context: Context): Promise<StorageUsage> {
  requireScope(context.principal, "admin", { app: null });
  return context.database.read(async (reader) => {
    const classes = await reader.all(usageByClass, {});
    const apps = (await reader.all(usageByApp, { limit: MAX_APPS })).map(({ slug, ...sum }) => ({
      app: slug,
      ...sumOf(sum),
    }));
    const evidence = sumOf((await reader.first(usageOfEvidence, {}))!);
    const months = await reader.all(usageByMonth, {});
    const objects = (await reader.first(objectUsage, {}))!;
    const all = total(classes.map(sumOf));
    const named = total([...apps, evidence]);
    return {
      ...all,
      objects,
      by_class: classes
        .map(({ retention_class: name, ...sum }) => ({
          retention_class: name === "" ? null : name,
          ...sumOf(sum),
        }))
        .filter(isPresent)
        .toSorted((a, b) => b.size_bytes - a.size_bytes),
      by_state: states(classes, context.settings.retentionClasses),
      by_app: apps.filter(isPresent),
      other_apps: less(all, named),
      evidence,
      by_month: months.map(({ month, ...sum }) => ({ month, ...sumOf(sum) })).filter(isPresent),
    };
  });
}

function states(
  classes: readonly {
    readonly retention_class: string;
    readonly packages: number;
    readonly size_bytes: number;
    readonly held_packages: number;
    readonly held_bytes: number;
    readonly eligible_packages: number;
    readonly eligible_bytes: number;
  }[],
  periods: Context["settings"]["retentionClasses"],
): StorageUsage["by_state"] {
  const held = total(
    classes.map((row) => sumOf({ packages: row.held_packages, size_bytes: row.held_bytes })),
  );
  const eligible = total(
    classes.map((row) => sumOf({ packages: row.eligible_packages, size_bytes: row.eligible_bytes })),
  );
  const endless = classes.filter((row) => (periods as Record<string, unknown>)[row.retention_class] === null);
  const permanent = total(
    endless.map((row) => ({
      packages: row.packages - row.held_packages - row.eligible_packages,
      size_bytes: row.size_bytes - row.held_bytes - row.eligible_bytes,
    })),
  );
  return {
    held,
    eligible,
    permanent,
    kept: less(total(classes.map(sumOf)), total([held, eligible, permanent])),
  };
}

/** Without what else the row has. */
function sumOf({ packages, size_bytes: bytes }: PackageSum): PackageSum {
  return { packages, size_bytes: bytes };
}

function total(sums: readonly PackageSum[]): PackageSum {
  return {
    packages: sums.reduce((all, { packages }) => all + packages, 0),
    size_bytes: sums.reduce((all, { size_bytes: bytes }) => all + bytes, 0),
  };
}

function less(all: PackageSum, part: PackageSum): PackageSum {
  return { packages: all.packages - part.packages, size_bytes: all.size_bytes - part.size_bytes };
}

/** A row stays when the last of its packages was deleted. */
function isPresent({ packages }: PackageSum): boolean {
  return packages > 0;
}
