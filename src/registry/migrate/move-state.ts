import type { MaintenanceConnection, Reader, Writer } from "../../catalog/database.ts";
import { putDownloads, sumDownloads } from "../../catalog/queries/downloads.ts";
import { keepAnswer } from "../../catalog/queries/idempotency.ts";
import {
  answersAfter,
  downloadsAfter,
  leasesAfter,
  movedTables,
  signingKeysAfter,
  tokenUsesAfter,
} from "../../catalog/queries/moved-state.ts";
import { putLease } from "../../catalog/queries/objects.ts";
import { insertSigningKey } from "../../catalog/queries/signing-keys.ts";
import { putTokenUse } from "../../catalog/queries/tokens.ts";
import type { Query } from "../../catalog/query.ts";
import type { MovedState } from "../records/store.ts";

/** Rows read at once. */
const BATCH = 1_000;

/**
 * Puts the state that moves with a store in the place of the target's: the keys that signed addresses live by, when tokens
 * were used, who still needs which bytes, what was answered to requests that may come again, and how often files were fetched.
 */
export async function moveState(source: Reader, target: MaintenanceConnection): Promise<MovedState> {
  for (const table of movedTables) await target.execute(`DELETE FROM ${table}`);
  const moved = {
    signing_keys: await moveRows(source, target, signingKeysAfter, { id: "" }, insertSigningKey),
    token_uses: await moveRows(source, target, tokenUsesAfter, { token_id: "" }, putTokenUse),
    leases: await moveRows(source, target, leasesAfter, { sha256: "", principal: "" }, putLease),
    answers: await moveRows(source, target, answersAfter, { id: "" }, keepAnswer),
    download_days: await moveRows(source, target, downloadsAfter, beforeDownloads, putDownloads),
  };
  await target.run(sumDownloads, {});
  return moved;
}

const beforeDownloads = { app_id: "", day: "", channel: "", release_id: "", platform: "" };

/** Every row in the order of its key, a page after the other; answers how many there were. */
async function moveRows<Key extends object, Row extends Key>(
  source: Reader,
  target: Writer,
  page: Query<Key & { limit: number }, Row>,
  first: Key,
  put: Query<Row, unknown>,
): Promise<number> {
  let after = first;
  for (let count = 0; ;) {
    const rows = await source.all(page, { ...after, limit: BATCH });
    for (const row of rows) await target.run(put, row);
    count += rows.length;
    if (rows.length < BATCH) return count;
    after = rows.at(-1)!;
  }
}
