import type { Database, MaintenanceConnection } from "./database.ts";
import { eventBytes, headProblem, type LogProblem, readLog } from "./log-reader.ts";
import { Projector } from "./projections/project.ts";
import { createView, type ViewName, viewNames, views } from "./schema.ts";

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

export interface RebuildOptions {
  readonly onProgress?: (events: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Replays the whole log into fresh views, compares them with the present ones and puts the fresh ones in their place
 * where they differ. Replay runs beside other readers and writers: the fresh views are temporary tables that shadow the
 * real ones on one connection, so the projections' own statements fill them. Only the tail, the comparison and the swap
 * hold the write lock.
 */
export async function rebuildViews(database: Database, options: RebuildOptions = {}): Promise<RebuildResult> {
  const connection = await database.maintenance();
  try {
    for (const view of viewNames) {
      await connection.execute(createView(view, connection.dialect, { temporary: true }));
    }
    const problems: LogProblem[] = [];
    const projector = new Projector(connection);
    const replay = async (after: number): Promise<number> => {
      let seq = after;
      const log = readLog(connection, eventBytes, { after, signal: options.signal });
      for await (const { event, problem } of log) {
        if (problem !== undefined) problems.push(problem);
        // What follows a gap may rest on what is missing, so nothing more is replayed; the rest is read for its problems.
        if (event === undefined || problems.length > 0) continue;
        await projector.project(event);
        seq = event.seq;
        if (seq % 10_000 === 0) options.onProgress?.(seq);
      }
      return seq;
    };
    // One transaction for the temporary tables; a snapshot of the log, not a lock on it.
    const head = await connection.snapshot(() => replay(0));
    return await connection.exclusively(async () => {
      const events = problems.length > 0 ? head : await replay(head);
      await projector.flush();
      const atHead = problems.length > 0 ? undefined : await headProblem(connection);
      if (atHead !== undefined) problems.push(atHead);
      if (problems.length > 0) return { events, rows: {}, differing: [], logProblems: problems };
      return { events, ...(await compareAndSwap(connection)), logProblems: [] };
    });
  } finally {
    await connection.close();
  }
}

async function compareAndSwap(connection: MaintenanceConnection) {
  const { stored, temporary } = connection.schemas;
  const rows: Record<string, number> = {};
  const differing: { view: ViewName; rows: number }[] = [];
  for (const view of viewNames) {
    const fresh = Number(await connection.scalar(`SELECT count(*) FROM ${temporary}.${view}`));
    const present = Number(await connection.scalar(`SELECT count(*) FROM ${stored}.${view}`));
    const same = Number(await connection.scalar(await equalRows(connection, view)));
    rows[view] = fresh;
    if (fresh === present && fresh === same) continue;
    differing.push({ view, rows: Math.max(fresh, present) - same });
    await connection.execute(`DELETE FROM ${stored}.${view}`);
    await connection.execute(`INSERT INTO ${stored}.${view} SELECT * FROM ${temporary}.${view}`);
  }
  return { rows, differing };
}

/** Counts the rows that are the same in both, column by column. */
async function equalRows(connection: MaintenanceConnection, view: ViewName): Promise<string> {
  const { stored, temporary } = connection.schemas;
  const join = views[view].key.map((column) => `fresh.${column} = present.${column}`).join(" AND ");
  const columns = await connection.columnsOf(view);
  const same = columns
    .map((column) => `fresh.${column} IS NOT DISTINCT FROM present.${column}`)
    .join(" AND ");
  return `SELECT count(*) FROM ${temporary}.${view} AS fresh JOIN ${stored}.${view} AS present ON ${join} WHERE ${same}`;
}
