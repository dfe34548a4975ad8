import { forEachAtMost } from "../../base/async.ts";
import { fromTimestamp, toTimestamp } from "../../base/clock.ts";
import { DistError } from "../../base/errors.ts";
import type { BlobLock } from "../../blob/blob-store.ts";
import type { Reader, Transaction } from "../../catalog/database.ts";
import {
  dropPackageLock,
  filesLockedUntil,
  filesToLock,
  lockMirror,
  locksDue,
  packageLockOf,
  packagesChanged,
  putLockMirror,
  putPackageLock,
  setLocked,
  setRenewal,
} from "../../catalog/queries/locks.ts";
import { locationOf } from "../../catalog/queries/objects.ts";
import { packageById } from "../../catalog/queries/packages.ts";
import { retentionStateOf } from "../../catalog/queries/retention.ts";
import type { PackageTable, StorageLocationTable } from "../../catalog/tables.ts";
import { logHead } from "../../catalog/transaction.ts";
import { type LockPlan, planLock } from "../../retention/lock-plan.ts";
import type { Context } from "../context.ts";
import type { LockReport, Problem } from "../records/store.ts";

/** Events looked through at once; how far the log was followed is noted after each. */
const WINDOW = 10_000;
/** Packages whose locks are due that are read at once. */
const DUE_PAGE = 100;
/** Files of a package that are read at once; what was locked is noted after each page. */
const FILES_PAGE = 256;
const LOCKS_AT_ONCE = 16;
/** Problems that a report names. */
const MAX_PROBLEMS = 100;
/** A package that could not be locked is tried again at least so often. */
const MAX_RETRY_MS = 3600 * 1000;

/** What keeps one object from being locked, and none of the others. */
const objectFaults: ReadonlySet<string> = new Set([
  "blob.access_denied",
  "blob.damaged",
  "blob.lock_failed",
  "blob.not_found",
]);

/**
 * Has the object store refuse the deletion of what retention keeps: the bytes of every closed package, for as long as the package asks.
 * Locks are only ever extended, so what several packages name is locked as long as any of them asks, in whatever order they come.
 *
 * Looks at packages of which the log says that they were closed or that their keeping changed since the last run, and at those whose
 * locks are to be renewed. Whatever ends it, the next run goes on where it was. Raises what keeps the object store from locking
 * anything: it does not answer, or has no object lock (`blob.no_object_lock`).
 */
export async function mirrorLocks(context: Context, signal?: AbortSignal): Promise<LockReport> {
  const { lockAheadMs: aheadMs } = context.settings;
  const run = new Mirror(context, aheadMs ?? 0, signal);
  if (aheadMs !== null) {
    await run.renewals();
    await run.changes();
  }
  return run.report;
}

class Mirror {
  readonly #context: Context;
  readonly #aheadMs: number;
  readonly #signal: AbortSignal | undefined;
  #locked = 0;
  #pending = 0;
  readonly #problems: Problem[] = [];

  constructor(context: Context, aheadMs: number, signal: AbortSignal | undefined) {
    this.#context = context;
    this.#aheadMs = aheadMs;
    this.#signal = signal;
  }

  get report(): LockReport {
    return { objects: this.#locked, pending: this.#pending, problems: this.#problems };
  }

  /** Each once, however soon it is due again. */
  async renewals(): Promise<void> {
    const now = toTimestamp(this.#context.clock.nowMs());
    let after = { renew_at: "", id: "" };
    for (;;) {
      const due = await this.#context.database.read((reader) =>
        reader.all(locksDue, { now, ...after, limit: DUE_PAGE }),
      );
      for (const { id } of due) await this.#package(id);
      if (due.length < DUE_PAGE) return;
      after = due.at(-1)!;
    }
  }

  async changes(): Promise<void> {
    const { database } = this.#context;
    const { head, start } = await database.read(async (reader) => ({
      head: (await reader.first(logHead, {}))!.head,
      start: (await reader.first(lockMirror, {}))?.seq ?? 0,
    }));
    for (let seq = start; seq < head;) {
      const upTo = Math.min(seq + WINDOW, head);
      const changed = await database.read((reader) => reader.all(packagesChanged, { after: seq, upTo }));
      for (const { id } of changed) await this.#package(id);
      await this.#write((tx) => tx.run(putLockMirror, { seq: upTo }));
      seq = upTo;
    }
  }

  async #package(id: string): Promise<void> {
    this.#signal?.throwIfAborted();
    const { row, lock, state } = await this.#context.database.read(async (reader) => ({
      row: await reader.first(packageById, { id }),
      lock: await reader.first(packageLockOf, { package_id: id }),
      state: await reader.first(retentionStateOf, { package_id: id }),
    }));
    if (row === undefined || row.deleted_at !== null) {
      if (lock !== undefined) await this.#write((tx) => tx.run(dropPackageLock, { package_id: id }));
      return;
    }
    // While it is open its files come and go, and a lock is for good.
    if (row.finalized_at === null && row.failed_at === null) return;
    const nowMs = this.#context.clock.nowMs();
    const plan = state === undefined ? null : planLock(state, nowMs, this.#aheadMs);
    const before = lock?.locked_until ?? null;
    if (plan !== null && (before === null || before < plan.renewBelow)) {
      await this.#lockAll(row, plan);
      await this.#settle(row, plan, nowMs);
    } else if (lock !== undefined) {
      const renew_at = plan !== null && before !== null ? this.#renewAt(plan, before) : null;
      if (renew_at !== lock.renew_at)
        await this.#write((tx) => tx.run(setRenewal, { package_id: id, locked_until: before, renew_at }));
    }
  }

  /** Notes what came of it, by what is known of every object of the package. */
  async #settle(row: PackageTable, plan: LockPlan, nowMs: number): Promise<void> {
    await this.#write(async (tx) => {
      const until = await lockedUntil(tx, row);
      const isDone = until !== null && until >= plan.renewBelow;
      if (!isDone) this.#pending += 1;
      const retryMs = Math.min(this.#aheadMs / 4, MAX_RETRY_MS);
      const renew_at = isDone ? this.#renewAt(plan, until) : toTimestamp(nowMs + retryMs);
      await tx.run(putPackageLock, { package_id: row.id, locked_until: until, renew_at });
    });
  }

  /** When half of what is locked ahead is left. */
  #renewAt({ hasNoEnd }: LockPlan, until: string): string | null {
    return hasNoEnd ? toTimestamp(fromTimestamp(until) - this.#aheadMs / 2) : null;
  }

  /** Locks what is not locked far enough yet. */
  async #lockAll(row: PackageTable, plan: LockPlan): Promise<void> {
    const { database } = this.#context;
    const below = plan.renewBelow;
    let path = "";
    for (;;) {
      const page = { package_id: row.id, path, below, limit: FILES_PAGE };
      const files = await database.read((reader) => reader.all(filesToLock, page));
      await this.#lockObjects(files, plan);
      if (files.length < FILES_PAGE) break;
      path = files.at(-1)!.path;
    }
    const manifest = await database.read((reader) => manifestOf(reader, row));
    if (manifest !== undefined && (manifest.locked_until ?? "") < below)
      await this.#lockObjects([manifest], plan);
  }

  /** The same bytes may be among them several times. */
  async #lockObjects(rows: readonly StorageLocationTable[], plan: LockPlan): Promise<void> {
    const distinct = new Map(rows.map((row) => [row.sha256, row]));
    const locks: { readonly row: StorageLocationTable; readonly lock: BlobLock }[] = [];
    try {
      await forEachAtMost(LOCKS_AT_ONCE, distinct.values(), this.#signal, async (row) => {
        const lock = await this.#lock(row, fromTimestamp(plan.until));
        if (lock !== undefined) locks.push({ row, lock });
      });
    } finally {
      // What is locked is known to be, whatever became of the rest.
      this.#locked += locks.length;
      if (locks.length > 0) {
        await this.#write(async (tx) => {
          for (const { row, lock } of locks) {
            const locked_until = toTimestamp(lock.untilMs);
            const { sha256, physical_key } = row;
            await tx.run(setLocked, { sha256, physical_key, locked_version: lock.version, locked_until });
          }
        });
      }
    }
  }

  /** Undefined for an object that cannot be locked, which is no reason to leave the others. */
  async #lock(row: StorageLocationTable, untilMs: number): Promise<BlobLock | undefined> {
    const { sha256, physical_key: key, size_bytes: sizeBytes, locked_version } = row;
    try {
      const version = locked_version ?? undefined;
      return await this.#context.blobs.lock({ sha256, key }, { sizeBytes, untilMs, version });
    } catch (error) {
      if (!(error instanceof DistError) || !objectFaults.has(error.code)) throw error;
      if (this.#problems.length < MAX_PROBLEMS)
        this.#problems.push({ code: error.code, target: sha256, message: error.message });
      return undefined;
    }
  }

  #write<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#context.database.write(this.#context.principal, work);
  }
}

/** Where the manifest is; undefined for a package that never came to one. */
async function manifestOf(
  reader: Reader,
  { manifest_sha256: sha256 }: PackageTable,
): Promise<StorageLocationTable | undefined> {
  return sha256 === null ? undefined : reader.first(locationOf, { sha256 });
}

/** Until when all bytes of a package are locked; null while some are not. */
async function lockedUntil(reader: Reader, row: PackageTable): Promise<string | null> {
  const ends = [(await reader.first(filesLockedUntil, { package_id: row.id }))?.locked_until];
  if (row.manifest_sha256 !== null) ends.push((await manifestOf(reader, row))?.locked_until);
  const [first] = ends.map((end) => end ?? "").toSorted();
  return first || null;
}
