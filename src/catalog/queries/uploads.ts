import { query } from "../query.ts";
import type { UploadPartTable } from "../tables.ts";

export const uploadById = query<{ id: string }>()((db, p) =>
  db.selectFrom("upload_session").selectAll().where("id", "=", p.id),
);

export const insertUpload = query<{
  id: string;
  principal: string;
  size_bytes: number;
  metadata: string | null;
  expires_at: string;
}>()((db, p) =>
  db.insertInto("upload_session").values({
    id: p.id,
    principal: p.principal,
    size_bytes: p.size_bytes,
    offset_bytes: 0,
    epoch: 0,
    metadata: p.metadata,
    status: "open",
    expires_at: p.expires_at,
  }),
);

/** Makes the caller the session's writer: whoever wrote before moves the offset no more. */
export const claimUpload = query<{ id: string; epoch: number }>()((db, p) =>
  db.updateTable("upload_session").set({ epoch: p.epoch }).where("id", "=", p.id),
);

/** Moves the offset; 0 rows when it is not where the writer left it, or the session has another writer. */
export const advanceUpload = query<{
  id: string;
  epoch: number;
  from_bytes: number;
  to_bytes: number;
  expires_at: string;
}>()((db, p) =>
  db
    .updateTable("upload_session")
    .set({ offset_bytes: p.to_bytes, expires_at: p.expires_at })
    .where("id", "=", p.id)
    .where("epoch", "=", p.epoch)
    .where("offset_bytes", "=", p.from_bytes)
    .where("status", "=", "open"),
);

/** Ends an open session; 0 rows when it is not open. */
export const finishUpload = query<{ id: string; sha256: string; existed: number; expires_at: string }>()(
  (db, p) =>
    db
      .updateTable("upload_session")
      .set({ status: "complete", sha256: p.sha256, existed: p.existed, expires_at: p.expires_at })
      .where("id", "=", p.id)
      .where("status", "=", "open"),
);

/** An expired session is remembered for a while, from now on, so that its client learns why it is gone. */
export const expireUpload = query<{ id: string; now: string }>()((db, p) =>
  db
    .updateTable("upload_session")
    .set({ status: "expired", expires_at: p.now })
    .where("id", "=", p.id)
    .where("status", "=", "open")
    .where("expires_at", "<=", p.now),
);

export const deleteUpload = query<{ id: string }>()((db, p) =>
  db.deleteFrom("upload_session").where("id", "=", p.id),
);

/** Sessions of a status whose time has passed, the oldest first. */
export const uploadsPast = query<{ status: string; now: string; limit: number }>()((db, p) =>
  db
    .selectFrom("upload_session")
    .selectAll()
    .where("status", "=", p.status)
    .where("expires_at", "<=", p.now)
    .orderBy("expires_at")
    .limit(p.limit),
);

/** Forgets sessions that ended: complete or expired before a time. */
export const forgetUploads = query<{ status: string; before: string }>()((db, p) =>
  db.deleteFrom("upload_session").where("status", "=", p.status).where("expires_at", "<=", p.before),
);

/** The parts of a session in the order of their bytes. */
export const partsOfUpload = query<{ session_id: string }>()((db, p) =>
  db.selectFrom("upload_part").selectAll().where("session_id", "=", p.session_id).orderBy("start_bytes"),
);

export const partCount = query<{ session_id: string }>()((db, p) =>
  db
    .selectFrom("upload_part")
    .select((eb) => eb.fn.countAll<number>().as("parts"))
    .where("session_id", "=", p.session_id),
);

/** Records a part, or how far it has grown. */
export const putPart = query<UploadPartTable>()((db, p) =>
  db
    .insertInto("upload_part")
    .values({
      session_id: p.session_id,
      start_bytes: p.start_bytes,
      size_bytes: p.size_bytes,
      staging_id: p.staging_id,
    })
    .onConflict((conflict) =>
      conflict.columns(["session_id", "start_bytes"]).doUpdateSet({ size_bytes: p.size_bytes }),
    ),
);

export const deleteParts = query<{ session_id: string }>()((db, p) =>
  db.deleteFrom("upload_part").where("session_id", "=", p.session_id),
);

/** The session whose bytes a staging name holds. */
export const partByStaging = query<{ staging_id: string }>()((db, p) =>
  db.selectFrom("upload_part").select("session_id").where("staging_id", "=", p.staging_id),
);
