import { query } from "../query.ts";
import type { IdempotencyKeyTable } from "../tables.ts";

export const earlierAnswer = query<{ id: string; now: string }>()((db, p) =>
  db
    .selectFrom("idempotency_key")
    .select(["request_sha256", "answer"])
    .where("id", "=", p.id)
    .where("expires_at", ">", p.now),
);

export const keepAnswer = query<IdempotencyKeyTable>()((db, p) =>
  db
    .insertInto("idempotency_key")
    .values({ id: p.id, request_sha256: p.request_sha256, answer: p.answer, expires_at: p.expires_at })
    .onConflict((conflict) =>
      conflict
        .column("id")
        .doUpdateSet({ request_sha256: p.request_sha256, answer: p.answer, expires_at: p.expires_at }),
    ),
);

export const dropExpiredAnswers = query<{ now: string }>()((db, p) =>
  db.deleteFrom("idempotency_key").where("expires_at", "<=", p.now),
);
