import type { Clock } from "../../base/clock.ts";
import { DistError } from "../../base/errors.ts";
import type { Database } from "../../catalog/database.ts";
import { addAppDownloads, addDownloads } from "../../catalog/queries/downloads.ts";
import type { DownloadAppDayTable, DownloadDayTable } from "../../catalog/tables.ts";
import { systemPrincipal } from "../principal.ts";
import type { CountedFile } from "../records/objects.ts";
import { dayOf } from "./days.ts";

/** Different counts kept at once with their channels. A visitor may name any channel of an app, so what comes past this has none. */
const MAX_KEYS = 3_000;

/** Different counts kept at once in all; what would need another is not counted. One statement takes them all. */
const MAX_ALL_KEYS = 5_000;

/**
 * Counts downloads in memory, and adds them to the store's when it is told to: one write for all. What was not written when the
 * process dies is lost. Holds nothing of who downloaded.
 */
export class DownloadCounts {
  readonly #database: Database;
  readonly #clock: Clock;
  #counts = new Map<string, DownloadDayTable>();

  constructor({ database, clock }: { database: Database; clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Counts one download of a release's file, today. */
  count(file: CountedFile): void {
    this.#add({ day: dayOf(this.#clock.nowMs()), ...file, count: 1 });
  }

  /**
   * Writes what was counted since the last time; resolves to how many downloads that were. When it fails they are kept for the next time, but for
   * a commit whose fate is unknown: no download is counted twice. Raises what the database raises.
   */
  async flush(): Promise<number> {
    const rows = [...this.#counts.values()];
    if (rows.length === 0) return 0;
    this.#counts = new Map();
    try {
      await this.#database.write(systemPrincipal, async (tx) => {
        await tx.fetch(addDownloads(rows));
        await tx.fetch(addAppDownloads(sumsByApp(rows)));
      });
    } catch (error) {
      const isLost = error instanceof DistError && error.code === "transaction.outcome_unknown";
      if (!isLost) for (const row of rows) this.#add(row);
      throw error;
    }
    return rows.reduce((sum, { count }) => sum + count, 0);
  }

  #add(row: DownloadDayTable): void {
    const { day, app_id: app, channel, release_id: release, platform } = row;
    const key = JSON.stringify([day, app, channel, release, platform]);
    const present = this.#counts.get(key);
    if (present !== undefined) present.count += row.count;
    else if (this.#counts.size < (channel === "" ? MAX_ALL_KEYS : MAX_KEYS))
      this.#counts.set(key, { ...row });
    else if (channel !== "") this.#add({ ...row, channel: "" });
  }
}

function sumsByApp(rows: readonly DownloadDayTable[]): readonly DownloadAppDayTable[] {
  const sums = new Map<string, DownloadAppDayTable>();
  for (const { day, app_id, count } of rows) {
    const key = `${day} ${app_id}`;
    sums.set(key, { day, app_id, count: (sums.get(key)?.count ?? 0) + count });
  }
  return [...sums.values()];
}
