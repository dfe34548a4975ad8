import { toTimestamp } from "../base/clock.ts";
import { sha256Hex } from "../base/digest.ts";
import type { Reader, Transaction } from "../catalog/database.ts";
import { dropExpiredAnswers, earlierAnswer, keepAnswer } from "../catalog/queries/idempotency.ts";
import type { Context } from "./context.ts";
import { requestErrors } from "./errors.ts";
import { leaseHolder } from "./objects/leases.ts";

/** How long the answer to a key is kept. */
const KEPT_MS = 24 * 3600 * 1000;

/** Makes a request that is sent twice one request: the caller's own key, for one route, and what was sent with it. */
export interface Idempotency {
  readonly route: string;
  readonly key: string;
  readonly bodySha256: string;
}

/**
 * A write transaction that is done once for an idempotency key: the answer is kept in the same transaction as the change,
 * and a repetition gets that answer and changes nothing. Secrets are never kept, so a repetition answers without.
 * Raises `request.idempotency_mismatch` for the same key with another body.
 */
export function once<T>(context: Context, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const { database, principal, idempotency } = context;
  if (idempotency === undefined) return database.write(principal, work);
  return database.write(principal, async (tx) => {
    const earlier = await earlierFor(tx, context, idempotency, tx.now);
    if (earlier !== undefined) return earlier as T;
    const answer = await work(tx);
    await tx.change(dropExpiredAnswers, { now: tx.now });
    await tx.change(keepAnswer, {
      id: idOf(context, idempotency),
      request_sha256: idempotency.bodySha256,
      answer: JSON.stringify(answer, (name, value: unknown) => (name === "secret" ? undefined : value)),
      expires_at: toTimestamp(tx.nowMs + KEPT_MS),
    });
    return answer;
  });
}

/** The answer that was given to this key, for use cases with work to save before their transaction. */
export async function earlierAnswerTo<T>(context: Context): Promise<T | undefined> {
  const { idempotency } = context;
  if (idempotency === undefined) return undefined;
  const now = toTimestamp(context.clock.nowMs());
  return context.database.read((reader) => earlierFor(reader, context, idempotency, now)) as Promise<
    T | undefined
  >;
}

async function earlierFor(
  reader: Reader,
  context: Context,
  idempotency: Idempotency,
  now: string,
): Promise<unknown> {
  const row = await reader.first(earlierAnswer, { id: idOf(context, idempotency), now });
  if (row === undefined) return undefined;
  if (row.request_sha256 === idempotency.bodySha256) return JSON.parse(row.answer);
  throw requestErrors.error("request.idempotency_mismatch", "The key was used for another request.", {
    hint: "A key stands for one request and its repetitions; take a new one.",
  });
}

function idOf({ principal }: Context, { route, key }: Idempotency): string {
  return sha256Hex(Buffer.from(JSON.stringify([leaseHolder(principal), route, key])));
}
