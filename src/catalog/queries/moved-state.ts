import { sql } from "kysely";

import { query } from "../query.ts";
import type { DownloadDayTable } from "../tables.ts";

/**
 * State that moves with a store: what would be missed after it. Pages by the tables' keys. Where bytes are is not among it,
 * and neither are uploads in pieces, whose parts stay behind.
 */
export const movedTables = [
  "signing_key",
  "token_use",
  "lease",
  "idempotency_key",
  "download_day",
  "download_app_day",
] as const;

export const signingKeysAfter = query<{ id: string; limit: number }>()((db, p) =>
  db.selectFrom("signing_key").selectAll().where("id", ">", p.id).orderBy("id").limit(p.limit),
);

export const tokenUsesAfter = query<{ token_id: string; limit: number }>()((db, p) =>
  db
    .selectFrom("token_use")
    .selectAll()
    .where("token_id", ">", p.token_id)
    .orderBy("token_id")
    .limit(p.limit),
);

export const leasesAfter = query<{ sha256: string; principal: string; limit: number }>()((db, p) =>
  db
    .selectFrom("lease")
    .selectAll()
    .where((eb) =>
      eb.or([
        eb("sha256", ">", p.sha256),
        eb.and([eb("sha256", "=", p.sha256), eb("principal", ">", p.principal)]),
      ]),
    )
    .orderBy("sha256")
    .orderBy("principal")
    .limit(p.limit),
);

export const answersAfter = query<{ id: string; limit: number }>()((db, p) =>
  db.selectFrom("idempotency_key").selectAll().where("id", ">", p.id).orderBy("id").limit(p.limit),
);

export const downloadsAfter = query<Omit<DownloadDayTable, "count"> & { limit: number }>()((db, p) =>
  db
    .selectFrom("download_day")
    .selectAll()
    .where((eb) =>
      eb(
        eb.refTuple("app_id", "day", "channel", "release_id", "platform"),
        ">",
        eb.tuple(p.app_id, p.day, p.channel, p.release_id, p.platform),
      ),
    )
    .orderBy("app_id")
    .orderBy("day")
    .orderBy("channel")
    .orderBy("release_id")
    .orderBy("platform")
    .limit(p.limit),
);

/** Uploads in pieces that have not come to their end. */
export const openUploads = query<object>()((db) =>
  db
    .selectFrom("upload_session")
    .select(sql<number>`count(*)`.as("count"))
    .where("status", "=", "open"),
);
