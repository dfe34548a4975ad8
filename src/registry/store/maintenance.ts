import type { MaintenanceConnection } from "../../catalog/database.ts";
import { exportLog, importLog } from "../../catalog/export.ts";
import { lastStored } from "../../catalog/queries/audit.ts";
import { storeCounts } from "../../catalog/queries/integrity.ts";
import { insertLocation, missingObjects } from "../../catalog/queries/objects.ts";
import { rebuildViews } from "../../catalog/rebuild.ts";
import { refuseNewerSchema, schemaState } from "../../catalog/schema/state.ts";
import { logHead } from "../../catalog/transaction.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import { locationColumns } from "../objects/record-staged.ts";
import type { ReportOptions } from "../records/pages.ts";
import type { ImportReport, Problem, RebuildReport, StoreReadiness, StoreStatus } from "../records/store.ts";
import { requireObjectLock } from "./require-object-lock.ts";

/** Missing objects an import names. */
const MAX_MISSING = 1_000;

export async function storeStatus(context: Context): Promise<StoreStatus> {
  requireScope(context.principal, "admin", { app: null });
  const { database } = context;
  const info = await database.info();
  const { problems, storage } = await storeReadiness(context);
  return database.read(async (reader) => {
    const head = (await reader.first(logHead, {}))!;
    const { objects, bytes, ...counts } = (await reader.first(storeCounts, {}))!;
    return {
      ok: problems.length === 0,
      problems,
      log_id: head.log_id,
      head: head.head,
      schema_version: info.schemaVersion,
      database: { engine: info.engine, size_bytes: info.sizeBytes },
      storage: { ...storage, objects: Number(objects), bytes: Number(bytes) },
      counts: counts as StoreStatus["counts"],
    };
  });
}

/** Replays the log into fresh views; where the present ones differ they are replaced, and that is a problem reported. */
export async function rebuildStore(context: Context, options: ReportOptions): Promise<RebuildReport> {
  requireScope(context.principal, "admin", { app: null });
  const result = await rebuildViews(context.database, {
    onProgress: (events) => options.onProgress?.({ phase: "replay", done: events, total: null }),
    signal: options.signal,
  });
  const problems = [
    ...result.logProblems.map(({ code, seq, message }) => ({ code, target: `event ${seq}`, message })),
    ...result.differing.map(({ view, rows }) => ({
      code: "view.differed",
      target: view,
      message: `Rows that were not what the log says, and are now: ${rows}.`,
    })),
  ];
  return { ok: problems.length === 0, problems, events: result.events, views: result.rows };
}

/** The log as `db.json`. */
export async function* exportStore(context: Context): AsyncGenerator<string> {
  requireScope(context.principal, "admin", { app: null });
  // The lines are produced under one snapshot, and taken at the pace of whoever reads them.
  const lines = new PullChannel<string>();
  const reading = context.database.read(async (reader) => {
    for await (const line of exportLog(reader)) if (!(await lines.push(line))) return;
  });
  reading.then(
    () => lines.end(),
    (error: unknown) => lines.fail(error),
  );
  try {
    yield* lines;
  } finally {
    lines.end();
    await reading.catch(() => {});
  }
}

/** Replays the lines of `db.json` and takes in the objects that stand in the store already, all in one transaction. */
export async function importStore(
  context: Context,
  lines: AsyncIterable<string>,
  options: ReportOptions,
): Promise<ImportReport> {
  requireScope(context.principal, "admin", { app: null });
  let adopted = 0;
  const result = await importLog(context.database, lines, {
    signal: options.signal,
    onProgress: (events) => options.onProgress?.({ phase: "import", done: events, total: null }),
    beforeCommit: async (connection) => {
      adopted = await adoptObjects(context, connection);
    },
  });
  const missing = await context.database.read((reader) => reader.all(missingObjects, { limit: MAX_MISSING }));
  const digests = [...new Set(missing.map(({ sha256 }) => sha256))];
  return {
    ok: digests.length === 0,
    problems: digests.map((sha256) => ({
      code: "object.missing",
      target: sha256,
      message: "The log needs it and it is not under objects/.",
    })),
    log_id: result.logId,
    events: result.events,
    objects: { adopted, missing: digests },
  };
}

/** Files that the log speaks of become known objects again; others stay files without a row. */
async function adoptObjects(context: Context, connection: MaintenanceConnection): Promise<number> {
  let adopted = 0;
  let last: string | undefined;
  for await (const { key, sha256, sizeBytes } of context.blobs.list()) {
    // One may stand in several places, of which the rest are left to cleanup.
    if (sha256 === null || sha256 === last) continue;
    const event = await connection.first(lastStored, { sha256 });
    if (event === undefined) continue;
    const { blake3, size } = JSON.parse(event.data) as { blake3: string; size: number };
    if (size !== sizeBytes) continue;
    const object = { sha256, blake3, sizeBytes, location: { sha256, key } };
    await connection.run(insertLocation, { ...locationColumns(context, object), generation: event.seq });
    adopted += 1;
    last = sha256;
  }
  return adopted;
}

/**
 * What keeps the store from working; empty when database and blob store answer. As fast with many releases as with few.
 * Raises what the database raises.
 */
async function storeProblems({ database, blobs }: Omit<Context, "principal">): Promise<Problem[]> {
  refuseNewerSchema((await database.first(schemaState, {}))!);
  return problemOf(() => blobs.health());
}

/** What is wrong with the place of the bytes, if the check raises. */
async function problemOf(check: () => Promise<void>): Promise<Problem[]> {
  try {
    await check();
    return [];
  } catch (error) {
    const { code = "blob.unavailable", message } = error as Error & { code?: string };
    return [{ code, target: "storage", message }];
  }
}

/** What keeps the store from working, and where its bytes are kept with what that can do. Raises what the database raises. */
export async function storeReadiness(context: Omit<Context, "principal">): Promise<StoreReadiness> {
  const { blobs, settings } = context;
  const problems = await storeProblems(context);
  const abilities = problems.length === 0 ? await blobs.abilities() : null;
  // A server may have started while the object store could not be asked.
  const lockless =
    abilities === null ? [] : await problemOf(async () => requireObjectLock(settings, abilities));
  return { problems: [...problems, ...lockless], storage: { backend: blobs.backend, abilities } };
}

/** Hands items from a producer to an async iteration, one at a time: the producer waits until its item is taken. */
class PullChannel<T> implements AsyncIterable<T> {
  #pending: { value: T; taken: (wanted: boolean) => void } | undefined;
  #wake: (() => void) | undefined;
  #ended = false;
  #error: unknown;

  /** Resolves to false when nobody reads any more. */
  push(value: T): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false);
    return new Promise((taken) => {
      this.#pending = { value, taken };
      this.#wake?.();
    });
  }

  end(): void {
    this.#ended = true;
    this.#pending?.taken(false);
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#error = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      if (this.#pending !== undefined) {
        // It stays pending while it is looked at, so that `end` reaches the producer when the reader stops right here.
        const { value, taken } = this.#pending;
        yield value;
        this.#pending = undefined;
        taken(true);
      } else if (this.#error !== undefined) {
        throw this.#error;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((wake) => (this.#wake = wake));
      }
    }
  }
}
