import { query } from "../query.ts";

export const jobByName = query<{ name: string }>()((db, p) =>
  db.selectFrom("job").selectAll().where("name", "=", p.name),
);

export const allJobs = query<object>()((db) => db.selectFrom("job").selectAll().orderBy("name"));

/** A job that nobody has asked for yet: its first interval begins. */
export const insertJob = query<{ name: string; now: string }>()((db, p) =>
  db.insertInto("job").values({
    name: p.name,
    holder: null,
    lease_until: null,
    started_at: null,
    finished_at: p.now,
  }),
);

export const startJob = query<{ name: string; holder: string; now: string; lease_until: string }>()((db, p) =>
  db
    .updateTable("job")
    .set({ holder: p.holder, lease_until: p.lease_until, started_at: p.now, finished_at: null })
    .where("name", "=", p.name),
);

/** 0 rows when the lease is another's by now. */
export const extendJobLease = query<{ name: string; holder: string; lease_until: string }>()((db, p) =>
  db
    .updateTable("job")
    .set({ lease_until: p.lease_until })
    .where("name", "=", p.name)
    .where("holder", "=", p.holder),
);

/** Gives the lease back, if it is still this holder's; `finished_at` is null for a run that did not come to its end. */
export const releaseJob = query<{ name: string; holder: string; finished_at: string | null }>()((db, p) =>
  db
    .updateTable("job")
    .set({ holder: null, lease_until: null, finished_at: p.finished_at })
    .where("name", "=", p.name)
    .where("holder", "=", p.holder),
);
