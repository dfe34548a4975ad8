import { fromTimestamp, toTimestamp } from "../../base/clock.ts";
import { catalogErrors } from "../../catalog/errors.ts";
import type { Transaction } from "../../catalog/database.ts";
import { packageById } from "../../catalog/queries/packages.ts";
import {
  appsTouchedAfter,
  lastSweep,
  putSweep,
  releasesExpired,
  standingReleases,
  unmarkedDue,
} from "../../catalog/queries/retention.ts";
import { logHead } from "../../catalog/transaction.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import type { SweepReport } from "../package-records.ts";
import { recordEligible, recordNeededAgain } from "./marks.ts";

/** Packages looked at in one transaction: what other writers wait for. */
const BATCH = 200;

/**
 * Records which packages may go by now, and which are needed again; deletes nothing. What it looks at is what may have changed since
 * the last sweep: evidence whose time has come, releases of apps that anything happened to, releases whose own period ended. Two
 * sweeps at once record each transition once: both decide under the write lock.
 */
export async function sweepRetention(context: Context): Promise<SweepReport> {
  requireScope(context.principal, "retention", { app: null });
  const begun = await context.database.read(async (reader) => ({
    head: (await reader.first(logHead, {}))!,
    last: (await reader.first(lastSweep, {})) ?? { seq: 0, at: "" },
  }));
  const at = requireTime(context, begun.head.last_at);
  const sweep = new Sweep(context);
  await sweep.evidence(at);
  await sweep.apps(begun.last.seq);
  await sweep.expired(begun.last.at, at);
  await context.database.write(context.principal, async (tx) => {
    await tx.run(putSweep, { seq: begun.head.head, at });
  });
  return { ok: true, at, marked: sweep.marked, unmarked: sweep.unmarked };
}

/** A clock that stands before what was recorded last is not one to judge periods by. */
function requireTime({ clock }: Context, lastAt: string): string {
  const nowMs = clock.nowMs();
  if (nowMs >= fromTimestamp(lastAt)) return toTimestamp(nowMs);
  throw catalogErrors.error(
    "clock.skew",
    "The clock stands before the last event; nothing is judged by it.",
    {
      details: { now: toTimestamp(nowMs), last_event_at: lastAt },
      hint: "Set the clock right.",
    },
  );
}

class Sweep {
  readonly #context: Context;
  readonly marked: string[] = [];
  readonly unmarked: string[] = [];

  constructor(context: Context) {
    this.#context = context;
  }

  async evidence(now: string): Promise<void> {
    await this.#walk(async (tx, after) => {
      const rows = await tx.all(unmarkedDue, { now, after, limit: BATCH });
      for (const { package_id: id } of rows) await this.#judge(tx, { id, app_id: null });
      return rows.at(-1)?.package_id;
    });
  }

  /** Releases leave and enter windows when something happens to their app. */
  async apps(afterSeq: number): Promise<void> {
    const { database } = this.#context;
    for (const { id: app_id } of await database.read((reader) =>
      reader.all(appsTouchedAfter, { seq: afterSeq }),
    )) {
      await this.#walk(async (tx, after) => {
        const rows = await tx.all(standingReleases, { app_id, id: after, limit: BATCH });
        for (const { package_id: id } of rows) await this.#judge(tx, { id, app_id });
        return rows.at(-1)?.id;
      });
    }
  }

  async expired(from: string, to: string): Promise<void> {
    const rows = await this.#context.database.read((reader) => reader.all(releasesExpired, { from, to }));
    for (let start = 0; start < rows.length; start += BATCH) {
      await this.#context.database.write(this.#context.principal, async (tx) => {
        for (const { package_id } of rows.slice(start, start + BATCH)) {
          const row = await tx.first(packageById, { id: package_id });
          if (row !== undefined && row.deleted_at === null) await this.#judge(tx, row);
        }
      });
    }
  }

  /** Calls `step` with where the one before ended, each in a transaction, until it finds nothing more. */
  async #walk(step: (tx: Transaction, after: string) => Promise<string | undefined>): Promise<void> {
    let after: string | undefined = "";
    while (after !== undefined) {
      const from: string = after;
      after = await this.#context.database.write(this.#context.principal, (tx) => step(tx, from));
    }
  }

  async #judge(tx: Transaction, found: { id: string; app_id: string | null }): Promise<void> {
    if (await recordEligible(tx, found)) this.marked.push(found.id);
    else if (await recordNeededAgain(tx, found)) this.unmarked.push(found.id);
  }
}
