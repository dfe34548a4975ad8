import { query } from "../query.ts";
import type { NodeTable } from "../tables.ts";

export const putNode = query<NodeTable>()((db, p) =>
  db
    .insertInto("node")
    .values({ id: p.id, name: p.name, version: p.version, generation: p.generation, seen_at: p.seen_at })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ seen_at: p.seen_at })),
);

export const dropNode = query<{ id: string }>()((db, p) => db.deleteFrom("node").where("id", "=", p.id));

export const dropUnseenNodes = query<{ before: string }>()((db, p) =>
  db.deleteFrom("node").where("seen_at", "<", p.before),
);

/** The last seen first. */
export const allNodes = query<object>()((db) =>
  db.selectFrom("node").selectAll().orderBy("seen_at", "desc").orderBy("name"),
);

/** Nodes that know less, and were seen within this time. */
export const olderNodes = query<{ version: number; generation: number; after: string; until: string }>()(
  (db, p) =>
    db
      .selectFrom("node")
      .selectAll()
      .where("seen_at", ">", p.after)
      .where("seen_at", "<=", p.until)
      .where((eb) => eb.or([eb("version", "<", p.version), eb("generation", "<", p.generation)]))
      .orderBy("name"),
);
