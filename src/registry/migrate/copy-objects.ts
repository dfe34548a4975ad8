import { forEachAtMost } from "../../base/async.ts";
import { DistError } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { BlobEntry, BlobLocation, BlobStore } from "../../blob/blob-store.ts";
import type { Database, Reader, Writer } from "../../catalog/database.ts";
import { deleteLocation, locationOf, locationsAfter, putLocation } from "../../catalog/queries/objects.ts";
import type { StorageLocationTable } from "../../catalog/tables.ts";
import { migrationErrors } from "../errors.ts";
import { locationColumns } from "../objects/record-staged.ts";
import type { StoreParts } from "../open-store-parts.ts";
import { systemPrincipal } from "../principal.ts";
import type { Problem } from "../records/store.ts";
import { digestFault, hashObject } from "../store/hash-object.ts";
import { mergeByDigest } from "./merge-by-digest.ts";

/** Objects on their way at once: enough to hide what one request or sync waits for. */
const CONCURRENT_COPIES = 8;
/** Rows read at once. */
const PAGE = 500;
/** Rows written at once. What a crash loses is hashed in the target, and not sent again. */
const ROWS_AT_ONCE = 100;
/** Problems that are named; a store that is broken through and through is not listed object by object. */
const MAX_PROBLEMS = 1_000;

/** How the table of objects is read and written: in transactions of their own, or inside the one that is under way. */
export interface Rows {
  all: Reader["all"];
  write(work: (writer: Writer) => Promise<void>): Promise<void>;
}

/** A store's rows, each page and each change in a transaction of its own. */
export function rowsOf(database: Database): Rows {
  return {
    all: (text, params) => database.read((reader) => reader.all(text, params)),
    write: (work) => database.write(systemPrincipal, work),
  };
}

/** What the target lacks, has in excess, or knows under an older generation. */
export interface Difference {
  readonly source: StorageLocationTable | undefined;
  readonly target: StorageLocationTable | undefined;
}

/** How much is sent. */
export interface Amount {
  readonly objects: number;
  readonly bytes: number;
}

/**
 * Brings the objects of one store to another. An object is in the target's table once its bytes stand there and were hashed
 * on their way: what is in the table is never sent again, whatever ended an earlier run.
 */
export class ObjectCopier {
  readonly #source: StoreParts;
  readonly #target: StoreParts;
  readonly #signal: AbortSignal | undefined;
  readonly #onBytes: (bytes: number) => void;
  #copiedObjects = 0;
  #copiedBytes = 0;

  constructor(
    source: StoreParts,
    target: StoreParts,
    options: { readonly signal: AbortSignal | undefined; readonly onBytes: (bytes: number) => void },
  ) {
    this.#source = source;
    this.#target = target;
    this.#signal = options.signal;
    this.#onBytes = options.onBytes;
  }

  get copied(): Amount {
    return { objects: this.#copiedObjects, bytes: this.#copiedBytes };
  }

  /**
   * Lets the target's table say what stands: rows whose bytes are gone go, and bytes without a row that are an object of the
   * source (an earlier run's last ones, or brought by other means) get theirs once they are hashed.
   */
  async lookOver(): Promise<void> {
    const rows = rowsOf(this.#target.database);
    const standing = mergeByDigest(placesByDigest(this.#target.blobs), locationsIn(rows));
    const recorder = new Recorder(rows);
    await forEachAtMost(CONCURRENT_COPIES, standing, this.#signal, async ({ left, right }) => {
      const isThere = left?.places.some(
        ({ key, sizeBytes }) => key === right?.physical_key && sizeBytes === right.size_bytes,
      );
      if (isThere) return;
      if (right !== undefined) await recorder.drop(right);
      if (left !== undefined) await this.#takeIn(left, recorder);
    });
    await recorder.flush();
  }

  /**
   * Copies what the target lacks and drops the rows of what the source has no more. Raises `migration.source_damaged` after
   * all others are copied, naming every object that could not be.
   */
  copyMissing(source: Pick<Reader, "all">, rows: Rows): Promise<void> {
    return this.#settle(this.#differences(source, rows), rows);
  }

  /** What `copyMissing` would do, for `settle`; undefined when it is to send more than `limit`. */
  async leftOver(
    source: Pick<Reader, "all">,
    rows: Rows,
    limit: Amount,
  ): Promise<readonly Difference[] | undefined> {
    const left: Difference[] = [];
    let bytes = 0;
    for await (const difference of this.#differences(source, rows)) {
      left.push(difference);
      if (difference.target === undefined) bytes += difference.source!.size_bytes;
      if (left.length > limit.objects || bytes > limit.bytes) return undefined;
    }
    return left;
  }

  /** Does that. Raises what `copyMissing` raises. */
  async settle(left: readonly Difference[], rows: Rows): Promise<void> {
    async function* each() {
      yield* left;
    }
    await this.#settle(each(), rows);
  }

  async #settle(differences: AsyncIterable<Difference>, rows: Rows): Promise<void> {
    const problems: Problem[] = [];
    const recorder = new Recorder(rows);
    try {
      await forEachAtMost(CONCURRENT_COPIES, differences, this.#signal, async (difference, signal) => {
        const { source: row, target } = difference;
        if (row === undefined) return recorder.drop(target!);
        if (target !== undefined) return recorder.put({ ...target, generation: row.generation });
        const copied = await this.#copy(row, signal);
        if ("code" in copied) {
          if (problems.length < MAX_PROBLEMS && (await this.#isStill(row))) problems.push(copied);
          return;
        }
        this.#copiedObjects += 1;
        this.#copiedBytes += row.size_bytes;
        await recorder.put(this.#rowOf(row, copied));
      });
    } finally {
      // What stands and is proven counts, however the rest ended.
      await recorder.flush();
    }
    if (problems.length > 0) throw sourceDamaged(problems);
  }

  async *#differences(source: Pick<Reader, "all">, rows: Rows): AsyncGenerator<Difference> {
    for await (const { left, right } of mergeByDigest(locationsIn(source), locationsIn(rows))) {
      // What is being deleted is the source's no more; its event says so already.
      const row = left?.status === "present" ? left : undefined;
      if (row?.generation === right?.generation) continue;
      yield { source: row, target: right };
    }
  }

  /** Where the object stands in the target now, or what is wrong with it in the source. */
  async #copy(row: StorageLocationTable, signal: AbortSignal): Promise<BlobLocation | Problem> {
    const { blobs } = this.#target;
    const uploadId = newId("upl");
    let sent = 0;
    const onProgress = (bytes: number): void => {
      this.#onBytes(bytes - sent);
      sent = bytes;
    };
    try {
      const staged = await blobs.stage(uploadId, this.#bytesOf(row), { signal, onProgress });
      const fault = digestFault(staged, row);
      return fault === undefined ? await blobs.commit(staged) : { ...fault, target: row.sha256 };
    } catch (error) {
      if (error instanceof UnreadableSource) return error.problem;
      throw error;
    } finally {
      await blobs.discard(uploadId);
    }
  }

  async *#bytesOf(row: StorageLocationTable): AsyncGenerator<Uint8Array> {
    const { blobs } = this.#source;
    try {
      yield* await blobs.readChunks({ sha256: row.sha256, key: row.physical_key });
    } catch (error) {
      const code = error instanceof DistError ? sourceFaults[error.code] : undefined;
      // A network between is worth a retry; a disk that cannot read an object has damaged it.
      if (code === undefined || (code === "object.unreadable" && blobs.isRemote)) throw error;
      throw new UnreadableSource({ code, target: row.sha256, message: (error as DistError).message });
    }
  }

  /** A collector or an upload may have run meanwhile: only what is wrong with the row as it is now counts. */
  async #isStill(row: StorageLocationTable): Promise<boolean> {
    const now = await this.#source.database.first(locationOf, { sha256: row.sha256 });
    return (
      now?.status === "present" && now.generation === row.generation && now.physical_key === row.physical_key
    );
  }

  /** Records bytes that stand in the target already, if they are what the source has under this digest; else they go. */
  async #takeIn({ sha256, places }: Places, recorder: Recorder): Promise<void> {
    const row = await this.#source.database.first(locationOf, { sha256 });
    if (row === undefined) return;
    for (const { key, sizeBytes } of places) {
      const location = { sha256, key };
      const isObject =
        sizeBytes === row.size_bytes &&
        digestFault(await hashObject(this.#target.blobs, location), row) === undefined;
      if (isObject) return recorder.put(this.#rowOf(row, location));
      // Left there, they would pass for the object: the place is its own.
      await this.#target.database.write(systemPrincipal, () => this.#target.blobs.remove(location));
    }
  }

  #rowOf(row: StorageLocationTable, location: BlobLocation): StorageLocationTable {
    const { sha256, blake3, size_bytes: sizeBytes, generation } = row;
    return { ...locationColumns(this.#target, { sha256, blake3, sizeBytes, location }), generation };
  }
}

/** What a failure to read from the source says of the object. */
const sourceFaults: Readonly<Record<string, string>> = {
  "blob.not_found": "object.missing",
  "blob.damaged": "object.damaged",
  "blob.read_failed": "object.unreadable",
};

/** Tells a fault of the source's object from whatever fails in the target. */
class UnreadableSource extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Raised as `migration.source_damaged`. */
export function sourceDamaged(problems: readonly Problem[]): DistError {
  const named = problems.map(({ code, target, message }) => ({
    code,
    target,
    message: `${target}: ${message} (${code})`,
  }));
  return migrationErrors.error(
    "migration.source_damaged",
    problems.length === 1
      ? "An object of the source is not what it should be; the migration is not finished."
      : `${problems.length} objects of the source are not what they should be; the migration is not finished.`,
    {
      details: { problems: named },
      hint: "Put these bytes back into the source, or delete what needs them there, and run the migration again.",
    },
  );
}

/** Gathers changes of the target's table and writes them together. */
class Recorder {
  readonly #rows: Rows;
  #changes: { readonly row: StorageLocationTable; readonly drop: boolean }[] = [];

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  put(row: StorageLocationTable): Promise<void> {
    return this.#change({ row, drop: false });
  }

  drop(row: StorageLocationTable): Promise<void> {
    return this.#change({ row, drop: true });
  }

  async flush(): Promise<void> {
    const changes = this.#changes;
    this.#changes = [];
    if (changes.length === 0) return;
    await this.#rows.write(async (writer) => {
      for (const { row, drop } of changes) {
        if (drop) await writer.run(deleteLocation, { sha256: row.sha256, generation: row.generation });
        else await writer.run(putLocation, row);
      }
    });
  }

  async #change(change: { row: StorageLocationTable; drop: boolean }): Promise<void> {
    this.#changes.push(change);
    if (this.#changes.length >= ROWS_AT_ONCE) await this.flush();
  }
}

/** Every row of a table, in the order of digests. */
async function* locationsIn(rows: Pick<Reader, "all">): AsyncGenerator<StorageLocationTable> {
  for (let sha256 = ""; ;) {
    const page = await rows.all(locationsAfter, { sha256, limit: PAGE });
    yield* page;
    if (page.length < PAGE) return;
    sha256 = page.at(-1)!.sha256;
  }
}

/** Where bytes stand under one digest. */
interface Places {
  readonly sha256: string;
  readonly places: readonly BlobEntry[];
}

async function* placesByDigest(blobs: BlobStore): AsyncGenerator<Places> {
  let current: { sha256: string; places: BlobEntry[] } | undefined;
  for await (const entry of blobs.list()) {
    const { sha256 } = entry;
    if (sha256 === null) continue;
    if (current?.sha256 === sha256) {
      current.places.push(entry);
    } else {
      if (current !== undefined) yield current;
      current = { sha256, places: [entry] };
    }
  }
  if (current !== undefined) yield current;
}
