import { createHash } from "node:crypto";
import { Readable } from "node:stream";

import { fromTimestamp } from "../../base/clock.ts";
import { blobErrors } from "../../blob/errors.ts";
import { packageErrors } from "../errors.ts";
import { MAX_PAGE_LIMIT } from "../paging.ts";
import type { ArchiveFormat, OpenedArchive, PackageFileRecord } from "../records/packages.ts";
import type { Registry } from "../registry.ts";
import type { ArchiveFraming } from "./archive-format.ts";
import { tarFraming } from "./tar-framing.ts";
import { zipFraming } from "./zip-framing.ts";

/** What is passed on at once: headers and small files are not worth a packet each. */
const CHUNK_BYTES = 64 * 1024;

/** Files of at most this size are read before their turn, as many at once: in an object store each of them is a round trip. */
const SMALL_BYTES = 256 * 1024;
const READ_AHEAD = 8;

const formats: Readonly<
  Record<ArchiveFormat, { readonly contentType: string; readonly framing: () => ArchiveFraming }>
> = {
  tar: { contentType: "application/x-tar", framing: tarFraming },
  zip: { contentType: "application/zip", framing: zipFraming },
};

/** How an archive comes to its files. */
export type ArchiveSource = Pick<Registry, "getPackage" | "listPackageFiles" | "openPackageFile">;

/**
 * All files of a package as one archive, in order, made while it is read: nothing is written anywhere, and no more than a few small
 * files are held. What keeps the first file from being read is raised here, what comes later by the stream.
 */
export async function openPackageArchive(
  source: ArchiveSource,
  id: string,
  format: ArchiveFormat,
): Promise<OpenedArchive> {
  const {
    deleted_at: deletedAt,
    finalized_at: finalizedAt,
    created_at: createdAt,
  } = await source.getPackage(id);
  if (deletedAt !== null)
    throw packageErrors.error("package.deleted", `${id} was deleted, and its files with it.`);
  const { contentType, framing } = formats[format];
  const modifiedMs = fromTimestamp(finalizedAt ?? createdAt);
  const chunks = joined(piecesOf(source, id, { framing: framing(), modifiedMs }));
  const first = await chunks.next();
  const stream = Readable.from(continued(first, chunks), { objectMode: false });
  // A reader that never begins would keep the first file open for ever.
  stream.once("close", () => void chunks.return(undefined));
  return { filename: `${id}.${format}`, content_type: contentType, stream };
}

async function* piecesOf(
  source: ArchiveSource,
  id: string,
  { framing, modifiedMs }: { readonly framing: ArchiveFraming; readonly modifiedMs: number },
): AsyncGenerator<Uint8Array> {
  const open = (file: PackageFileRecord) => bytesOf(source, id, file);
  for await (const { file, bytes } of readAhead(filesOf(source, id), open)) {
    yield framing.open({ path: file.path, sizeBytes: file.size_bytes, modifiedMs });
    for await (const chunk of await bytes()) {
      framing.take(chunk);
      yield chunk;
    }
    yield framing.close();
  }
  yield* framing.end();
}

/** A file whose turn is near. */
interface NextFile {
  readonly file: PackageFileRecord;
  readonly bytes: () => Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>;
}

async function* readAhead(
  files: AsyncIterable<PackageFileRecord>,
  open: (file: PackageFileRecord) => Promise<AsyncIterable<Uint8Array>>,
): AsyncGenerator<NextFile> {
  const next: NextFile[] = [];
  for await (const file of files) {
    if (file.size_bytes > SMALL_BYTES) {
      next.push({ file, bytes: () => open(file) });
    } else {
      const whole = open(file).then((bytes) => Array.fromAsync(bytes));
      // Raised when its turn comes, which it may never.
      whole.catch(() => {});
      next.push({ file, bytes: () => whole });
    }
    if (next.length > READ_AHEAD) yield next.shift()!;
  }
  yield* next;
}

async function bytesOf(
  source: ArchiveSource,
  id: string,
  file: PackageFileRecord,
): Promise<AsyncIterable<Uint8Array>> {
  const object = await source.openPackageFile(id, file.path);
  return proven(await object.read(), file);
}

async function* filesOf(source: ArchiveSource, id: string): AsyncGenerator<PackageFileRecord> {
  let after: string | null | undefined;
  while (after !== null) {
    const page = await source.listPackageFiles(id, {
      limit: MAX_PAGE_LIMIT,
      ...(after !== undefined && { after }),
    });
    yield* page.items;
    after = page.next;
  }
}

/** The bytes, which fail at their end at the latest when they are not the file's: an archive has no other word for it. */
async function* proven(bytes: Readable, { sha256, size_bytes: sizeBytes }: PackageFileRecord) {
  const hash = createHash("sha256");
  let passedBytes = 0;
  for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
    passedBytes += chunk.byteLength;
    if (passedBytes > sizeBytes) break;
    hash.update(chunk);
    yield chunk;
  }
  if (passedBytes === sizeBytes && hash.digest("hex") === sha256) return;
  throw blobErrors.error("blob.damaged", "The stored bytes are not those of the file.", {
    details: { sha256 },
  });
}

/** The same bytes in chunks that are worth passing on. */
async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    waitingBytes += piece.byteLength;
    if (waitingBytes < CHUNK_BYTES) continue;
    yield waiting.length === 1 ? piece : Buffer.concat(waiting);
    [waiting, waitingBytes] = [[], 0];
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting);
}

async function* continued<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
