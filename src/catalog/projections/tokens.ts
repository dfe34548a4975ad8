import type { EventOf } from "../../log/events.ts";
import type { Writer } from "../database.ts";
import { query } from "../query.ts";
import type { TokenTable } from "../tables.ts";

export async function tokenCreated(
  writer: Writer,
  { at, actor, data }: EventOf<"v1.token.created">,
): Promise<void> {
  await writer.change(insertToken, {
    id: data.token_id,
    name: data.name,
    token_hash: data.token_hash,
    scopes: JSON.stringify(data.scopes),
    app: data.app,
    channel: data.channel,
    created_by: actor,
    created_at: at,
    expires_at: data.expires_at,
    first_used_at: null,
    revoked_at: null,
  });
}

export async function tokenUsed(writer: Writer, { at, data }: EventOf<"v1.token.used">): Promise<void> {
  await writer.change(setFirstUsed, { id: data.token_id, first_used_at: at });
}

export async function tokenRevoked(writer: Writer, { at, data }: EventOf<"v1.token.revoked">): Promise<void> {
  await writer.change(setRevoked, { id: data.token_id, revoked_at: at });
}

const insertToken = query<TokenTable>()((db, p) =>
  db.insertInto("token").values({
    id: p.id,
    name: p.name,
    token_hash: p.token_hash,
    scopes: p.scopes,
    app: p.app,
    channel: p.channel,
    created_by: p.created_by,
    created_at: p.created_at,
    expires_at: p.expires_at,
    first_used_at: p.first_used_at,
    revoked_at: p.revoked_at,
  }),
);

const setFirstUsed = query<{ id: string; first_used_at: string }>()((db, p) =>
  db.updateTable("token").set({ first_used_at: p.first_used_at }).where("id", "=", p.id),
);

const setRevoked = query<{ id: string; revoked_at: string }>()((db, p) =>
  db.updateTable("token").set({ revoked_at: p.revoked_at }).where("id", "=", p.id),
);
