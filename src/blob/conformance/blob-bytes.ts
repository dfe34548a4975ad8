import { createHash } from "node:crypto";

import { delay } from "../../base/async.ts";
import { createDualHasher } from "../../base/digest.ts";
import type { BlobLocation, BlobStore, PassingChunks } from "../blob-store.ts";

/** Of bytes that no test stores. */
export const SOME_DIGEST = createHash("sha256").update("never stored").digest("hex");

/** Where an upload of an object stands. */
export type KeyOf = (sha256: string, uploadId: string) => string;

export const keyByDigest: KeyOf = (sha256) => `objects/${sha256.slice(0, 2)}/${sha256}`;

/** Where the bytes stand, whoever put them there. */
export function place({ sha256, key }: BlobLocation): BlobLocation {
  return { sha256, key };
}

/** Stages, commits and discards. */
export async function put(
  store: BlobStore,
  uploadId: string,
  source: AsyncIterable<Uint8Array>,
): Promise<BlobLocation> {
  const location = await store.commit(await store.stage(uploadId, source));
  await store.discard(uploadId);
  return location;
}

/** A source of just these chunks. */
export async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

/** A well-formed location at which nothing stands. */
export function absentLocation(keyOf: KeyOf = keyByDigest): BlobLocation {
  return { sha256: SOME_DIGEST, key: keyOf(SOME_DIGEST, "upl_1") };
}

/** The keys of everything listed. */
export async function keys(store: BlobStore): Promise<string[]> {
  return (await Array.fromAsync(store.list())).map((entry) => entry.key);
}

/** The ids of everything staged. */
export async function uploadIds(store: BlobStore): Promise<string[]> {
  return (await Array.fromAsync(store.listStaging())).map((entry) => entry.uploadId);
}

/** All bytes of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream));
}

/** The bytes of chunks whose memory is used again, each looked at late: a reader may be slow. */
export async function collectPassing(passing: PassingChunks): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of passing) {
    await delay(1);
    copies.push(Buffer.from(chunk));
  }
  return Buffer.concat(copies);
}

export async function readAll(store: BlobStore, location: BlobLocation): Promise<Buffer> {
  return collect(await store.read(location));
}

export async function digestsOf(bytes: Uint8Array) {
  const hasher = await createDualHasher();
  hasher.update(bytes);
  return hasher.digest();
}

/** Chunks of 1 byte to 300 kB, now and then an empty one. */
export async function* inRandomChunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.byteLength;) {
    if (Math.random() < 0.1) yield new Uint8Array(0);
    const length = 1 + Math.floor(Math.random() ** 2 * 300_000);
    yield bytes.subarray(offset, offset + length);
    offset += length;
  }
}
