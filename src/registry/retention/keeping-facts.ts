import type { Reader } from "../../catalog/database.ts";
import { activeHolds, extensionsOf, retentionStateOf } from "../../catalog/queries/retention.ts";
import type { KeepingFacts } from "../../retention/planner.ts";

/** Reads what keeps a package whatever it is: its class, its extensions, its holds. */
export async function keepingFacts(reader: Reader, packageId: string): Promise<KeepingFacts> {
  const state = await reader.first(retentionStateOf, { package_id: packageId });
  if (state === undefined) return { period: null, extensions: [], holds: [] };
  const extensions = await reader.all(extensionsOf, { package_id: packageId });
  const holds = state.active_holds === 0 ? [] : await reader.all(activeHolds, { package_id: packageId });
  return {
    period:
      state.retention_class === null
        ? null
        : { retentionClass: state.retention_class, expiresAt: state.class_expires_at },
    extensions: extensions.map(({ new_expires_at: until, reason }) => ({ until, reason })),
    holds: holds.map(({ id, reason, case_name }) => ({ id, reason, case: case_name })),
  };
}
