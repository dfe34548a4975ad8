import type { Database, MaintenanceConnection } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { refuseBesideOlderNodes } from "./live-nodes.ts";
import { copyView } from "./rebuild.ts";
import { Replay } from "./replay.ts";
import { migrate } from "./schema/prepare-schema.ts";
import { isUpToDate, presentSchema, refuseNewerSchema, writeSchemaState } from "./schema/state.ts";
import { createIndexes, createView, viewNames } from "./schema/views.ts";

/**
 * Makes the views of this version by replaying the log while the old ones serve, and puts them in their place in one transaction,
 * with what log and state need: a process that dies anywhere leaves the old ones whole. Of several that try at once the last
 * find it done. Raises `store.older_nodes`, `store.newer_schema`, and `store.damaged` for a log that cannot be believed.
 */
export async function remakeViews(database: Database): Promise<void> {
  const connection = await database.maintenance();
  try {
    const replay = await Replay.start(connection, {});
    await connection.exclusively(async () => {
      const present = await presentSchema(connection);
      refuseNewerSchema(present);
      if (isUpToDate(present)) return;
      await refuseBesideOlderNodes(connection, await connection.nowMs());
      await migrate(connection, present);
      await replay.finish();
      const [problem] = replay.problems;
      if (problem !== undefined) {
        throw catalogErrors.error("store.damaged", `The views cannot be upgraded: ${problem.message}`, {
          hint: "Run store verify with the version that made the store.",
        });
      }
      await swapViews(connection);
      await writeSchemaState(connection, present, { filled: true });
    });
  } finally {
    await connection.close();
  }
}

/** All rows are copied before the first old view goes: on PostgreSQL its readers wait from then on. */
async function swapViews(connection: MaintenanceConnection): Promise<void> {
  const { stored, temporary } = connection.schemas;
  const next = (view: string) => `${view}__next`;
  for (const view of viewNames) {
    await connection.execute(createView(view, connection.dialect, { as: `${stored}.${next(view)}` }));
    await connection.execute(copyView(view, `${temporary}.${view}`, `${stored}.${next(view)}`));
    await connection.execute(`DROP TABLE ${temporary}.${view}`);
  }
  for (const view of viewNames) {
    await connection.execute(`DROP TABLE IF EXISTS ${stored}.${view}`);
    await connection.execute(`ALTER TABLE ${stored}.${next(view)} RENAME TO ${view}`);
    for (const statement of createIndexes(view)) await connection.execute(statement);
  }
}
