import { liveOlderNodes } from "../../catalog/live-nodes.ts";
import { rebuildViews } from "../../catalog/rebuild.ts";
import { known, schemaState } from "../../catalog/schema/state.ts";
import type { Context } from "../context.ts";
import { systemPrincipal } from "../principal.ts";

/**
 * Fills the columns that newer generations added to the views, by a rebuild, once no older node lives that would go on
 * leaving them empty. Answers whether it did. Raises what a rebuild raises.
 */
export async function fillViews({ database }: Context, signal: AbortSignal): Promise<boolean> {
  const { filled_generation: filled } = (await database.first(schemaState, {}))!;
  if (filled >= known.generation) return false;
  const older = await database.write(systemPrincipal, (tx) => liveOlderNodes(tx, tx.nowMs));
  if (older.length > 0) return false;
  const { logProblems } = await rebuildViews(database, { signal });
  return logProblems.length === 0;
}
