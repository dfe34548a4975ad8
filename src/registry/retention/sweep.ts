import { fromTimestamp, toTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import { catalogErrors } from "../../catalog/errors.ts";
import { packageById } from "../../catalog/queries/packages.ts";
import {
  appsTouchedAfter,
  lastSweep,
  markedOfApp,
  putSweep,
  releasesExpired,
  unmarkedDue,
  unmarkedReleases,
} from "../../catalog/queries/retention.ts";
import type { PackageTable } from "../../catalog/tables.ts";
import { logHead } from "../../catalog/transaction.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import type { SweepReport } from "../records/packages.ts";
import { recordEligible, recordNeededAgain } from "./marks.ts";
import { planOf } from "./plan.ts";

/** Packages settled in one transaction: what other writers wait for. */
const BATCH = 50;

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
  const sweep = new Sweep(context, at);
  await sweep.evidence();
  await sweep.apps(begun.last.seq);
  await sweep.expired(begun.last.at);
  await context.database.write(context.principal, async (tx) => {
    // Of two at once the later one counts: both looked at everything before.
    const last = await tx.first(lastSweep, {});
    if (last === undefined || last.at <= at) await tx.run(putSweep, { seq: begun.head.head, at });
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

/** Drafts expire by themselves: they are no packages yet that anybody looks for. */
function isDraft({ app_id, finalized_at }: PackageTable): boolean {
  return app_id !== null && finalized_at === null;
}

interface Candidate {
  readonly id: string;
  readonly app_id: string | null;
}

/** Looks in snapshots, beside all writers; takes the write lock for what it found only, and judges it again there. */
class Sweep {
  readonly #context: Context;
  readonly #now: string;
  readonly marked: string[] = [];
  readonly unmarked: string[] = [];

  constructor(context: Context, now: string) {
    this.#context = context;
    this.#now = now;
  }

  async evidence(): Promise<void> {
    await this.#walk({ due_at: "", id: "" }, async (reader, after) => {
      const rows = await reader.all(unmarkedDue, { now: this.#now, ...after, limit: BATCH });
      return { found: rows.map(({ id }) => ({ id, app_id: null })), last: rows.at(-1) };
    });
  }

  /** Releases leave and enter windows when something happens to their app. */
  async apps(afterSeq: number): Promise<void> {
    const { database } = this.#context;
    const apps = await database.read((reader) => reader.all(appsTouchedAfter, { seq: afterSeq }));
    for (const { id: app_id, windows } of apps) {
      const rows = await database.read((reader) => reader.all(markedOfApp, { app_id }));
      await this.#settle(rows.map(({ package_id: id }) => ({ id, app_id })));
      // Where every release is kept none becomes eligible.
      if (windows > 0) await this.#releases(app_id);
    }
  }

  async expired(from: string): Promise<void> {
    const { database } = this.#context;
    const rows = await database.read((reader) => reader.all(releasesExpired, { from, to: this.#now }));
    await this.#settle(rows.map(({ package_id: id, app_id }) => ({ id, app_id })));
  }

  async #releases(app_id: string): Promise<void> {
    await this.#walk({ id: "" }, async (reader, { id: from }) => {
      const rows = await reader.all(unmarkedReleases, { app_id, id: from, limit: BATCH });
      const found: Candidate[] = [];
      for (const { package_id: id } of rows) {
        const { action } = await planOf(reader, { id, app_id }, this.#now);
        if (action === "delete") found.push({ id, app_id });
      }
      return { found, last: rows.at(-1) };
    });
  }

  /** Calls `look` with where the call before ended, until it comes to nothing more. */
  async #walk<Place>(
    start: Place,
    look: (reader: Reader, after: Place) => Promise<{ found: Candidate[]; last: Place | undefined }>,
  ): Promise<void> {
    let after: Place | undefined = start;
    while (after !== undefined) {
      const from: Place = after;
      const { found, last } = await this.#context.database.read((reader) => look(reader, from));
      await this.#settle(found);
      after = last;
    }
  }

  async #settle(candidates: readonly Candidate[]): Promise<void> {
    const { database, principal } = this.#context;
    for (let start = 0; start < candidates.length; start += BATCH) {
      await database.write(principal, async (tx) => {
        for (const found of candidates.slice(start, start + BATCH)) {
          const row = await tx.first(packageById, { id: found.id });
          if (row === undefined || row.deleted_at !== null || isDraft(row)) continue;
          if (await recordEligible(tx, found)) this.marked.push(found.id);
          else if (await recordNeededAgain(tx, found)) this.unmarked.push(found.id);
        }
      });
    }
  }
}
