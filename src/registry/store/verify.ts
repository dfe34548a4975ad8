import { toTimestamp } from "../../base/clock.ts";
import { DistError } from "../../base/errors.ts";
import type { Reader } from "../../catalog/database.ts";
import { eventRows, headProblem, readLog } from "../../catalog/log-reader.ts";
import { brokenReferences, referenceCount } from "../../catalog/queries/integrity.ts";
import { locationOf, locationsAfter, missingObjects } from "../../catalog/queries/objects.ts";
import type { EventTable, StorageLocationTable } from "../../catalog/tables.ts";
import { eventColumns } from "../../catalog/transaction.ts";
import type { DistEvent } from "../../log/events.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import type { ReportOptions } from "../records/pages.ts";
import type { Problem, VerifyReport } from "../records/store.ts";
import { isCollectable, isLocked, isUnrecorded } from "./collect-objects.ts";
import { digestFault, hashObject } from "./hash-object.ts";

/** Objects read from the database at once. */
const BATCH = 100;
/** Problems of one kind that a report names; a store that is broken through and through is not listed row by row. */
const MAX_PROBLEMS_PER_CHECK = 1_000;

/**
 * Proves the store: the database file, the log's sequence and hashes, every reference both ways, and every needed object
 * by reading it and hashing it again. What cleanup would take away is listed apart and is no problem. Writes nothing.
 */
export async function verifyStore(context: Context, options: ReportOptions): Promise<VerifyReport> {
  requireScope(context.principal, "admin", { app: null });
  const run = new VerifyRun(context, options);
  await run.databaseFile();
  await run.log();
  await run.references();
  await run.objects();
  await run.files();
  return run.report();
}

class VerifyRun {
  readonly #context: Context;
  readonly #options: ReportOptions;
  readonly #problems: Problem[] = [];
  readonly #collectable: VerifyReport["collectable"][number][] = [];
  readonly #checked = { events: 0, objects: 0, bytes: 0, references: 0 };

  constructor(context: Context, options: ReportOptions) {
    this.#context = context;
    this.#options = options;
  }

  async databaseFile(): Promise<void> {
    for (const text of await this.#context.database.integrityProblems()) {
      this.#problem("store.damaged", "database", text);
    }
  }

  async log(): Promise<void> {
    await this.#context.database.read(async (reader) => {
      for await (const { row, event, problem } of readLog(reader, eventRows, {
        after: 0,
        signal: this.#options.signal,
      })) {
        this.#checked.events += 1;
        if (problem !== undefined) this.#problem(problem.code, `event ${problem.seq}`, problem.message);
        else if (event !== undefined) this.#columns(row, event);
        if (this.#checked.events % 10_000 === 0) this.#progress("log", this.#checked.events);
      }
      const atHead = await headProblem(reader);
      if (atHead !== undefined) this.#problem(atHead.code, "log head", atHead.message);
    });
  }

  async references(): Promise<void> {
    await this.#context.database.read(async (reader) => {
      this.#checked.references = (await reader.first(referenceCount, {}))!.count;
      const limit = MAX_PROBLEMS_PER_CHECK;
      for (const [what, broken] of Object.entries(brokenReferences)) {
        for (const { id } of await reader.all(broken, { limit })) {
          this.#problem("reference.broken", id, `An ${what}.`.replace(/^An (?=[^aeiou])/, "A "));
        }
      }
      for (const { sha256, referrer } of await reader.all(missingObjects, { limit })) {
        this.#problem("object.missing", sha256, `${referrer} needs it and no object is recorded under it.`);
      }
    });
  }

  async objects(): Promise<void> {
    let last = "";
    for (;;) {
      const page = await this.#context.database.read((reader) =>
        reader.all(locationsAfter, { sha256: last, limit: BATCH }),
      );
      for (const row of page) await this.#object(row);
      if (page.length < BATCH) return;
      last = page.at(-1)!.sha256;
    }
  }

  async files(): Promise<void> {
    for await (const { key, sha256, sizeBytes, putAtMs } of this.#context.blobs.list()) {
      if (sha256 === null) continue;
      const isUnneeded = await this.#context.database.read((reader) =>
        isUnrecorded(reader, { sha256, key, putAtMs }, this.#context, {
          nowMs: this.#context.clock.nowMs(),
        }),
      );
      if (isUnneeded) this.#collectable.push({ id: key, kind: "file", bytes: sizeBytes });
    }
    for await (const { uploadId, sizeBytes } of this.#context.blobs.listStaging()) {
      this.#collectable.push({ id: uploadId, kind: "staging", bytes: sizeBytes });
    }
  }

  report(): VerifyReport {
    return {
      ok: this.#problems.length === 0,
      problems: this.#problems,
      collectable: this.#collectable,
      checked: this.#checked,
    };
  }

  /** The columns people read must say what the bytes say. */
  #columns(row: EventTable, event: DistEvent): void {
    const expected = eventColumns(event);
    const differing = Object.entries(expected).find(
      ([name, value]) => row[name as keyof EventTable] !== value,
    );
    if (differing === undefined) return;
    this.#problem(
      "log.column_differs",
      `event ${row.seq}`,
      `Its column ${differing[0]} is not what its bytes say.`,
    );
  }

  async #object(row: StorageLocationTable): Promise<void> {
    this.#options.signal?.throwIfAborted();
    const { sha256, size_bytes: bytes } = row;
    const isUnneeded =
      row.status === "deleting" ||
      (await this.#context.database.read((reader) => this.#isUnneeded(reader, sha256)));
    if (isUnneeded) {
      // What is locked no cleanup takes away.
      if (!isLocked(row, toTimestamp(this.#context.clock.nowMs())))
        this.#collectable.push({ id: sha256, kind: "object", bytes });
      return;
    }
    this.#checked.objects += 1;
    this.#checked.bytes += bytes;
    const fault = await this.#faultOf(row);
    if (fault === undefined) return;
    // A collector or an upload may have run meanwhile: only what is still wrong with the row as it is now counts.
    const now = await this.#context.database.read((reader) => reader.first(locationOf, { sha256 }));
    if (now?.generation === row.generation && now.status === "present") {
      this.#problem(fault.code, sha256, fault.message);
    }
    this.#progress("objects", this.#checked.objects);
  }

  #isUnneeded(reader: Reader, sha256: string): Promise<boolean> {
    return isCollectable(reader, sha256, toTimestamp(this.#context.clock.nowMs()));
  }

  async #faultOf(row: StorageLocationTable): Promise<{ code: string; message: string } | undefined> {
    try {
      const actual = await hashObject(this.#context.blobs, { sha256: row.sha256, key: row.physical_key });
      return digestFault(actual, row);
    } catch (error) {
      if (!(error instanceof DistError)) throw error;
      const code = error.code === "blob.not_found" ? "object.missing" : "object.unreadable";
      return { code, message: error.message };
    }
  }

  #problem(code: string, target: string, message: string): void {
    this.#problems.push({ code, target, message });
  }

  #progress(phase: string, done: number): void {
    this.#options.onProgress?.({ phase, done, total: null });
  }
}
