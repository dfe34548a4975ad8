import { Readable } from "node:stream";

import type { S3 } from "@aws-sdk/client-s3";

import { assert, hasCode } from "../../base/errors.ts";
import type { RandomAccess } from "../../base/random-access.ts";
import type { ByteRange } from "../blob-store.ts";
import { availableBytes, boundsOf } from "../checks.ts";
import { blobErrors } from "../errors.ts";
import { plainEtag } from "./etag.ts";
import { headOf } from "./put-object.ts";
import type { S3Connection } from "./s3-connection.ts";
import { hasS3Code, isMissing, s3Error } from "./s3-errors.ts";

/** How far a stream reads ahead of whoever consumes it. */
const STREAM_BYTES = 256 * 1024;
/** One request of random access: an inspection reads here and there, each a few bytes. */
const BLOCK_BYTES = 256 * 1024;
/** Blocks kept of one object. */
const MAX_BLOCKS = 16;

/** An answer under way: the bytes from where it was asked, and what is known of the whole. */
interface Opened {
  readonly body: Readable;
  readonly sizeBytes: number;
  readonly etag: string | undefined;
}

/** A stream of an object, and what the store says of the whole. */
export interface OpenedObject {
  readonly stream: Readable;
  readonly sizeBytes: number;
  readonly etag: string | undefined;
}

/** Streams an object, or a range of it. Raises what the port's `read` raises. */
export async function openObject(s3: S3Connection, key: string, range?: ByteRange): Promise<OpenedObject> {
  // Nonsense is refused before it is sent; where the object ends the store knows.
  if (range !== undefined) boundsOf(range, Number.MAX_SAFE_INTEGER);
  const { start = 0, end } = range ?? {};
  const abort = new AbortController();
  let opened: Opened;
  try {
    opened = await s3.run(
      `read ${key}`,
      "read",
      (client) => get(client, s3, { key, header: range && rangeHeader(start, end), signal: abort.signal }),
      abort.signal,
    );
  } catch (error) {
    if (isMissing(error)) throw notFound(key);
    if (hasS3Code(error, "InvalidRange")) boundsOf(range, (await headOf(s3, key))?.sizeBytes ?? 0);
    throw error;
  }
  const stop = boundsOf(range, opened.sizeBytes).stop;
  const { sizeBytes, etag } = opened;
  return { stream: new ObjectStream(s3, { key, abort, opened, start, stop }), sizeBytes, etag };
}

/** Random access by ranged requests; what was read lately is kept. Raises `blob.not_found`. */
export async function randomAccess(s3: S3Connection, key: string): Promise<RandomAccess> {
  const { bytes: head, sizeBytes } = await firstBlock(s3, key);
  const blocks = new Map([[0, Promise.resolve(head)]]);
  const readRange = async (start: number, stop: number): Promise<Buffer> =>
    allOf((await openObject(s3, key, { start, end: stop - 1 })).stream);
  const block = (index: number): Promise<Buffer> => {
    const start = index * BLOCK_BYTES;
    const bytes = blocks.get(index) ?? readRange(start, Math.min(start + BLOCK_BYTES, sizeBytes));
    // Inserted again, so that the longest unused is first.
    blocks.delete(index);
    blocks.set(index, bytes);
    bytes.catch(() => blocks.delete(index));
    const [oldest] = blocks.keys();
    if (blocks.size > MAX_BLOCKS && oldest !== undefined) blocks.delete(oldest);
    return bytes;
  };
  return {
    sizeBytes,
    async read(offset, length) {
      const available = availableBytes(offset, length, sizeBytes);
      if (available === 0) return new Uint8Array(0);
      if (available > BLOCK_BYTES) return new Uint8Array(await readRange(offset, offset + available));
      const first = Math.floor(offset / BLOCK_BYTES);
      const last = Math.floor((offset + available - 1) / BLOCK_BYTES);
      const bytes =
        first === last ? await block(first) : Buffer.concat([await block(first), await block(last)]);
      const from = offset - first * BLOCK_BYTES;
      return Uint8Array.from(bytes.subarray(from, from + available));
    },
    close: async () => blocks.clear(),
  };
}

/** Where every look into a file begins; its answer tells the size too, so that nothing is asked twice. */
async function firstBlock(s3: S3Connection, key: string): Promise<{ bytes: Buffer; sizeBytes: number }> {
  try {
    const { stream, sizeBytes } = await openObject(s3, key, { start: 0, end: BLOCK_BYTES - 1 });
    return { bytes: await allOf(stream), sizeBytes };
  } catch (error) {
    // Of an object without bytes there is no range.
    if (hasCode(error, "blob.range_invalid")) return { bytes: Buffer.alloc(0), sizeBytes: 0 };
    throw error;
  }
}

async function allOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>));
}

/**
 * The bytes from `start` up to `stop`. An answer that breaks off is asked for anew from there. Fails with `blob.read_failed`
 * rather than ending early; destroying it closes the connection at once.
 */
class ObjectStream extends Readable {
  readonly #s3: S3Connection;
  readonly #key: string;
  readonly #abort: AbortController;
  readonly #stop: number;
  #position: number;
  #body: Readable;
  #chunks: AsyncIterator<Buffer>;

  constructor(
    s3: S3Connection,
    from: { key: string; abort: AbortController; opened: Opened; start: number; stop: number },
  ) {
    super({ highWaterMark: STREAM_BYTES });
    this.#s3 = s3;
    this.#key = from.key;
    this.#abort = from.abort;
    this.#position = from.start;
    this.#stop = from.stop;
    [this.#body, this.#chunks] = begin(from.opened.body);
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#abort.abort();
    this.#body.destroy();
    done(error);
  }

  async #next(): Promise<Buffer | null> {
    for (let count = 1; ; count += 1) {
      if (this.#position >= this.#stop) {
        // Read to its very end, so that the connection serves the next request.
        await this.#chunks.next().catch(() => {});
        return null;
      }
      try {
        const { value, done } = await this.#chunks.next();
        if (done === true) throw new Error("the body ended before its last byte");
        const chunk = value.subarray(0, this.#stop - this.#position);
        this.#position += chunk.byteLength;
        return chunk;
      } catch (error) {
        if (count >= this.#s3.attempts || this.destroyed) throw s3Error(`read ${this.#key}`, "read", error);
        await this.#s3.pause(count);
        await this.#resume();
      }
    }
  }

  async #resume(): Promise<void> {
    const header = rangeHeader(this.#position, this.#stop - 1);
    const { signal } = this.#abort;
    const { body } = await this.#s3.run(
      `read ${this.#key}`,
      "read",
      (client) => get(client, this.#s3, { key: this.#key, header, signal }),
      signal,
    );
    this.#body.destroy();
    [this.#body, this.#chunks] = begin(body);
  }
}

function begin(body: Readable): [Readable, AsyncIterator<Buffer>] {
  // What breaks after the last byte that was asked for is nobody's business.
  body.on("error", () => {});
  return [body, body[Symbol.asyncIterator]() as AsyncIterator<Buffer>];
}

async function get(
  client: S3,
  s3: S3Connection,
  request: { key: string; header: string | undefined; signal: AbortSignal },
): Promise<Opened> {
  const { key, header, signal } = request;
  const answer = await client.getObject(
    { ...s3.at(key), ...(header === undefined ? {} : { Range: header }) },
    { abortSignal: signal },
  );
  const body = answer.Body;
  assert(body instanceof Readable, "the SDK gives a stream of Node's");
  const total = header === undefined ? answer.ContentLength : totalOf(answer.ContentRange, header);
  if (total === undefined) {
    body.destroy();
    throw blobErrors.error(
      "blob.read_failed",
      `The store answered another range of ${key} than was asked for.`,
    );
  }
  return { body, sizeBytes: total, etag: plainEtag(answer.ETag) };
}

/** The object's length out of `bytes 10-19/1000`; undefined unless the answer begins where `header` does. */
function totalOf(contentRange: string | undefined, header: string): number | undefined {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? "") ?? [];
  if (start === undefined || !header.startsWith(`bytes=${start}-`)) return undefined;
  return Number(total);
}

function rangeHeader(start: number, end: number | undefined): string {
  return `bytes=${start}-${end ?? ""}`;
}

function notFound(key: string): Error {
  return blobErrors.error("blob.not_found", `There is no ${key}.`, { details: { key } });
}
