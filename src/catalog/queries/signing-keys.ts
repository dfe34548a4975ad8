import { query } from "../query.ts";
import type { SigningKeyTable } from "../tables.ts";

export const signingKeyById = query<{ id: string }>()((db, p) =>
  db.selectFrom("signing_key").select("secret").where("id", "=", p.id),
);

export const insertSigningKey = query<SigningKeyTable>()((db, p) =>
  db.insertInto("signing_key").values({ id: p.id, secret: p.secret, created_at: p.created_at }),
);
