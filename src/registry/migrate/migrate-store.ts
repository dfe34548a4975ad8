import { assert } from "../../base/errors.ts";
import type { MaintenanceConnection, Reader, Transaction } from "../../catalog/database.ts";
import { eventBytes, provenEvents } from "../../catalog/log-reader.ts";
import { LogReplay } from "../../catalog/log-replay.ts";
import { storeCounts } from "../../catalog/queries/integrity.ts";
import { openUploads } from "../../catalog/queries/moved-state.ts";
import { missingObjects } from "../../catalog/queries/objects.ts";
import { logHead } from "../../catalog/transaction.ts";
import { openStoreParts, type StoreOptions, type StoreParts } from "../open-store-parts.ts";
import { systemPrincipal } from "../principal.ts";
import type { ReportOptions } from "../records/pages.ts";
import type { MigrationReport } from "../records/store.ts";
import { admitTarget, requireSharedLog } from "./admit-target.ts";
import { type Difference, ObjectCopier, type Rows, rowsOf, sourceDamaged } from "./copy-objects.ts";
import { moveState } from "./move-state.ts";
import { requireOtherPlace } from "./same-place.ts";

/** What may be left to copy when the source's writers are stopped; with more, copying goes on beside them first. */
const MAX_IN_STOP = { objects: 100, bytes: 64 * 1024 ** 2, events: 2_000 };
/** How often it goes on beside them. A source that brings more in all the while is then stopped for longer. */
const MAX_ROUNDS = 10;
const NO_LIMIT = { objects: Infinity, bytes: Infinity, events: Infinity };
/** A database takes the write lock back from a writer that says nothing for two minutes; a large object takes longer. */
const KEEP_LOCK_MS = 30_000;
/** Missing objects that a refusal names. */
const MAX_MISSING = 1_000;

/**
 * Copies a whole store to another place, whatever engine and storage each side has: the log byte for byte with its identity,
 * every object hashed on its way, and the state that would be missed. Bytes are copied while the source is read and written;
 * its writers wait only for what came last. Nothing is appended to the log.
 *
 * The target is empty, or was begun by this before: it is a whole store once this resolves, and until then one without an
 * event, to which a further run brings what it lacks. Whoever may open both stores may do this. Raises what `openStore`
 * raises for both, `migration.*`, `log.gap`, `log.hash_mismatch`, and what reading and writing bytes raises.
 */
export async function migrateStore(
  options: { readonly source: Omit<StoreOptions, "create">; readonly target: Omit<StoreOptions, "create"> },
  report: ReportOptions,
): Promise<MigrationReport> {
  const source = await openStoreParts({ ...options.source, create: false });
  try {
    const target = await openStoreParts({ ...options.target, create: true });
    try {
      return await new Migration(source, target, report).run();
    } finally {
      await close(target);
    }
  } finally {
    await close(source);
  }
}

class Migration {
  readonly #source: StoreParts;
  readonly #target: StoreParts;
  readonly #report: ReportOptions;
  readonly #copier: ObjectCopier;
  #doneBytes = 0;
  #totalBytes = 0;

  constructor(source: StoreParts, target: StoreParts, report: ReportOptions) {
    this.#source = source;
    this.#target = target;
    this.#report = report;
    this.#copier = new ObjectCopier(source, target, {
      signal: report.signal,
      onBytes: (bytes) => this.#progressBytes(bytes),
    });
  }

  async run(): Promise<MigrationReport> {
    await requireOtherPlace(this.#source, this.#target);
    await admitTarget(this.#source.database, this.#target.database);
    await this.#source.database.read(requireObjects);
    await this.#copier.lookOver();
    await this.#beginProgress();
    await this.#copier.copyMissing(rowsOf(this.#source.database), rowsOf(this.#target.database));
    const connection = await this.#target.database.maintenance();
    try {
      return await connection.exclusively(() => this.#moveLog(connection));
    } finally {
      await connection.close();
    }
  }

  /**
   * In one transaction of the target: the log, then, with the source's writers stopped, its last events, the last objects and
   * the state. Whatever ends it before its commit leaves the target without an event.
   */
  async #moveLog(connection: MaintenanceConnection): Promise<MigrationReport> {
    // Nobody else has written to the target since it was admitted, or it is refused here.
    await requireSharedLog(this.#source.database, connection);
    const replay = await LogReplay.begin(connection);
    const rows: Rows = {
      all: (text, params) => connection.all(text, params),
      write: (work) => work(connection),
    };
    for (let round = 1; ; round += 1) {
      await this.#source.database.read((reader) => this.#replay(reader, replay));
      await this.#copier.copyMissing(rowsOf(this.#source.database), rows);
      // When this resolves the source's writers go on, and what they write is not the target's: the commit comes after it.
      const moved = await this.#source.database.write(systemPrincipal, async (tx) => {
        const stoppedAt = performance.now();
        const left = await this.#leftOver(tx, replay, rows, round < MAX_ROUNDS ? MAX_IN_STOP : NO_LIMIT);
        if (left === undefined) return undefined;
        const report = await keepingLock(tx, () => this.#moveRest(tx, connection, replay, { rows, left }));
        return { ...report, write_stop_ms: Math.round(performance.now() - stoppedAt) };
      });
      if (moved !== undefined) return moved;
    }
  }

  /** The objects that are still to be copied; undefined when there is more to do than the limit allows. */
  async #leftOver(
    tx: Transaction,
    replay: LogReplay,
    rows: Rows,
    limit: typeof MAX_IN_STOP,
  ): Promise<readonly Difference[] | undefined> {
    const { head } = (await tx.first(logHead, {}))!;
    return head - replay.head > limit.events ? undefined : this.#copier.leftOver(tx, rows, limit);
  }

  /** With the write locks of both held: what is copied here is all there is. */
  async #moveRest(
    tx: Transaction,
    connection: MaintenanceConnection,
    replay: LogReplay,
    { rows, left }: { rows: Rows; left: readonly Difference[] },
  ): Promise<Omit<MigrationReport, "write_stop_ms">> {
    await this.#replay(tx, replay);
    await this.#copier.settle(left, rows);
    const state = await moveState(tx, connection);
    const head = (await tx.first(logHead, {}))!;
    await replay.finish(head.log_id);
    const leafHash = await requireSame(tx, connection);
    await requireObjects(connection);
    const counts = (await connection.first(storeCounts, {}))!;
    const { objects: copied, bytes: copiedBytes } = this.#copier.copied;
    return {
      ok: true,
      log_id: head.log_id,
      head: head.head,
      leaf_hash: leafHash,
      events: replay.count,
      objects: {
        copied,
        copied_bytes: copiedBytes,
        total: Number(counts.objects),
        total_bytes: Number(counts.bytes),
      },
      state,
      uploads_left: (await tx.first(openUploads, {}))!.count,
    };
  }

  async #replay(reader: Reader, replay: LogReplay): Promise<void> {
    const { signal, onProgress } = this.#report;
    const total = (await reader.first(logHead, {}))!.head;
    for await (const { event, bytes } of provenEvents(reader, { after: replay.head, signal })) {
      await replay.append(event, bytes);
      if (replay.head % 10_000 === 0) onProgress?.({ phase: "log", done: replay.head, total });
    }
    onProgress?.({ phase: "log", done: replay.head, total });
    signal?.throwIfAborted();
  }

  async #beginProgress(): Promise<void> {
    const bytesIn = async ({ database }: StoreParts) =>
      Number((await database.first(storeCounts, {}))!.bytes);
    this.#totalBytes = await bytesIn(this.#source);
    this.#progressBytes(await bytesIn(this.#target));
  }

  #progressBytes(bytes: number): void {
    this.#doneBytes += bytes;
    const { onProgress } = this.#report;
    onProgress?.({ phase: "objects", done: this.#doneBytes, total: this.#totalBytes, unit: "bytes" });
  }
}

/** Raises `migration.source_damaged` with what the log needs and no row knows. */
async function requireObjects(reader: Reader): Promise<void> {
  const missing = await reader.all(missingObjects, { limit: MAX_MISSING });
  if (missing.length === 0) return;
  throw sourceDamaged(
    missing.map(({ sha256, referrer }) => ({
      code: "object.missing",
      target: sha256,
      message: `${referrer} needs it and no object is recorded under it.`,
    })),
  );
}

/** Answers the leaf hash at the head, in hex; null for an empty log. */
async function requireSame(source: Reader, target: Reader): Promise<string | null> {
  const ends = await Promise.all([source, target].map(endOf));
  const [wanted, found] = ends as [LogEnd, LogEnd];
  assert(
    wanted.logId === found.logId && wanted.head === found.head && wanted.leafHash === found.leafHash,
    "the target's log ends as the source's does",
  );
  return found.leafHash;
}

interface LogEnd {
  readonly logId: string;
  readonly head: number;
  readonly leafHash: string | null;
}

async function endOf(reader: Reader): Promise<LogEnd> {
  const { log_id: logId, head } = (await reader.first(logHead, {}))!;
  const [last] = await reader.all(eventBytes, { after: head - 1, limit: 1 });
  return { logId, head, leafHash: last === undefined ? null : Buffer.from(last.leaf_hash).toString("hex") };
}

async function keepingLock<T>(tx: Transaction, work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => void tx.first(logHead, {}).catch(() => {}), KEEP_LOCK_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

async function close({ blobs, database }: StoreParts): Promise<void> {
  await blobs.close();
  await database.close();
}
