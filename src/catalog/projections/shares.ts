import type { EventOf } from "../../log/events.ts";
import type { Writer } from "../database.ts";
import { query } from "../query.ts";
import type { ShareTable } from "../tables.ts";

export async function shareCreated(
  writer: Writer,
  { at, actor, data }: EventOf<"v1.share.created">,
): Promise<void> {
  await writer.change(insertShare, {
    id: data.share_id,
    app_id: data.app_id,
    channel: data.channel,
    secret_hash: data.secret_hash,
    created_by: actor,
    created_at: at,
    expires_at: data.expires_at,
    revoked_at: null,
  });
}

export async function shareRevoked(writer: Writer, { at, data }: EventOf<"v1.share.revoked">): Promise<void> {
  await writer.change(setRevoked, { id: data.share_id, revoked_at: at });
}

const insertShare = query<ShareTable>()((db, p) =>
  db.insertInto("share").values({
    id: p.id,
    app_id: p.app_id,
    channel: p.channel,
    secret_hash: p.secret_hash,
    created_by: p.created_by,
    created_at: p.created_at,
    expires_at: p.expires_at,
    revoked_at: p.revoked_at,
  }),
);

const setRevoked = query<{ id: string; revoked_at: string }>()((db, p) =>
  db.updateTable("share").set({ revoked_at: p.revoked_at }).where("id", "=", p.id),
);
