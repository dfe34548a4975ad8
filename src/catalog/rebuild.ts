import type { Database, MaintenanceConnection } from "./database.ts";
import type { LogProblem } from "./log-reader.ts";
import { Replay, type ReplayOptions } from "./replay.ts";
import { viewColumns } from "./schema/columns.ts";
import { known, refuseNewerStore, setFilled } from "./schema/state.ts";
import { type ViewName, viewNames, views, viewSteps } from "./schema/views.ts";

export interface RebuildResult {
  /** Events replayed. */
  readonly events: number;
  /** Rows of each view after the rebuild. */
  readonly rows: { readonly [view: string]: number };
  /** Views that were not what the log says; they are now. */
  readonly differing: readonly { readonly view: ViewName; readonly rows: number }[];
  /** What is wrong with the log itself. When there is anything, the views are left alone. */
  readonly logProblems: readonly LogProblem[];
}

/**
 * Replays the whole log into fresh views, compares them with the present ones and puts the fresh rows in their place
 * where they differ; so columns that a newer generation added are filled. Only the tail of the log, the comparison and the swap
 * hold the write lock. Raises `store.newer_schema`.
 */
export async function rebuildViews(database: Database, options: ReplayOptions = {}): Promise<RebuildResult> {
  const connection = await database.maintenance();
  try {
    const replay = await Replay.start(connection, options);
    return await connection.exclusively(async () => {
      const { filled_generation: filled } = await refuseNewerStore(connection);
      await replay.finish();
      const { events, problems } = replay;
      if (problems.length > 0) return { events, rows: {}, differing: [], logProblems: problems };
      const { rows, differing, replaced } = await compareAndSwap(connection, filled);
      // Rows of ours in the place of a newer version's lack what it added.
      if (replaced || filled < known.generation) await connection.run(setFilled, {});
      return { events, rows, differing, logProblems: [] };
    });
  } finally {
    await connection.close();
  }
}

async function compareAndSwap(connection: MaintenanceConnection, filled: number) {
  const { stored, temporary } = connection.schemas;
  const rows: Record<string, number> = {};
  const differing: { view: ViewName; rows: number }[] = [];
  let replaced = false;
  for (const view of viewNames) {
    const fresh = Number(await connection.scalar(`SELECT count(*) FROM ${temporary}.${view}`));
    const present = Number(await connection.scalar(`SELECT count(*) FROM ${stored}.${view}`));
    const columns = viewColumns(view);
    const same = await equalRows(connection, view, columns);
    rows[view] = fresh;
    if (fresh === present && fresh === same) continue;
    // That a column is not filled yet is no fault.
    const unfilled = columnsSince(view, filled);
    const sound =
      unfilled.size === 0
        ? same
        : await equalRows(
            connection,
            view,
            columns.filter((column) => !unfilled.has(column)),
          );
    if (fresh !== present || fresh !== sound) {
      differing.push({ view, rows: Math.max(fresh, present) - sound });
    }
    replaced = true;
    await connection.execute(`DELETE FROM ${stored}.${view}`);
    await connection.execute(copyView(view, `${temporary}.${view}`, `${stored}.${view}`));
  }
  return { rows, differing, replaced };
}

/** Copies a view's rows from one table to another, whose further columns stay NULL. */
export function copyView(view: ViewName, from: string, to: string): string {
  const columns = viewColumns(view).join();
  return `INSERT INTO ${to} (${columns}) SELECT ${columns} FROM ${from}`;
}

/** The columns of a view that generations after this one added. */
function columnsSince(view: ViewName, generation: number): ReadonlySet<string> {
  const later = viewSteps.filter((step) => step.generation > generation);
  return new Set(later.flatMap(({ adds }) => (adds?.[view] ?? []).map((column) => column.split(" ")[0]!)));
}

/** Counts the rows that are the same in both, column by column. */
async function equalRows(
  connection: MaintenanceConnection,
  view: ViewName,
  columns: readonly string[],
): Promise<number> {
  const { stored, temporary } = connection.schemas;
  const join = views[view].key.map((column) => `fresh.${column} = present.${column}`).join(" AND ");
  const same = columns
    .map((column) => `fresh.${column} IS NOT DISTINCT FROM present.${column}`)
    .join(" AND ");
  const text = `SELECT count(*) FROM ${temporary}.${view} AS fresh JOIN ${stored}.${view} AS present ON ${join} WHERE ${same}`;
  return Number(await connection.scalar(text));
}
