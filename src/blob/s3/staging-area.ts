import { Readable } from "node:stream";

import type { StagingEntry } from "../blob-store.ts";
import { hasCode } from "../../base/errors.ts";
import { blobErrors } from "../errors.ts";
import { EtagHasher, plainEtag } from "./etag.ts";
import { listKeys } from "./list-keys.ts";
import { partBytes } from "./part-sizes.ts";
import { abortParts, completeParts, type SentPart } from "./put-object.ts";
import { openObject } from "./read-object.ts";
import { removeKey } from "./remove-key.ts";
import type { S3Connection } from "./s3-connection.ts";
import { hasS3Code, isMissing } from "./s3-errors.ts";
import { STAGING, stagedAt, stagingFolder } from "./s3-keys.ts";

/** Bytes of an upload that stand in the store, from `start` up to `stop`. */
interface StagedObject {
  readonly key: string;
  readonly uploadId: string;
  readonly start: number;
  readonly stop: number;
  readonly modifiedAtMs: number;
}

/** A multipart upload under way. */
interface Multipart {
  readonly key: string;
  readonly uploadId: string;
  readonly multipartId: string;
  readonly begunAtMs: number;
}

/** True when anything of this upload stands in the store. */
export async function isStaged(s3: S3Connection, uploadId: string): Promise<boolean> {
  const folder = stagingFolder(uploadId);
  const [objects, multiparts] = await Promise.all([
    Array.fromAsync(stagedObjects(s3, folder)),
    Array.fromAsync(multipartsUnder(s3, folder)),
  ]);
  return objects.length + multiparts.length > 0;
}

/**
 * Streams the first bytes of an upload that was staged anywhere. Full parts of one that was not finished are made an object
 * first: parts cannot be read otherwise, and whoever was staging it can add none any more. Every object is read whole and
 * proven by its ETag, so that what was damaged is not taken for the upload. Raises `blob.not_found`.
 */
export async function readStaged(s3: S3Connection, uploadId: string, sizeBytes: number): Promise<Readable> {
  const folder = stagingFolder(uploadId);
  for await (const multipart of multipartsUnder(s3, folder)) await completeFullParts(s3, multipart);
  const objects = await Array.fromAsync(stagedObjects(s3, folder));
  if (objects.length === 0) {
    throw blobErrors.error("blob.not_found", `There is no ${uploadId}.`, { details: { key: uploadId } });
  }
  const inOrder = objects.toSorted((a, b) => a.start - b.start || b.stop - a.stop);
  return Readable.from(joined(s3, inOrder, sizeBytes), { objectMode: false });
}

/** Drops everything of an upload that stands in the store. */
export async function dropStaged(s3: S3Connection, uploadId: string): Promise<void> {
  const folder = stagingFolder(uploadId);
  for await (const { key, multipartId } of multipartsUnder(s3, folder))
    await abortParts(s3, key, multipartId);
  for await (const { key } of stagedObjects(s3, folder)) await removeKey(s3, key);
}

/** Every upload of which something stands in the store, with how much and since when. In no order. */
export async function listStaged(s3: S3Connection): Promise<StagingEntry[]> {
  const entries = new Map<string, StagingEntry>();
  const add = (uploadId: string, sizeBytes: number, modifiedAtMs: number): void => {
    const known = entries.get(uploadId);
    entries.set(uploadId, {
      uploadId,
      sizeBytes: Math.max(known?.sizeBytes ?? 0, sizeBytes),
      modifiedAtMs: Math.max(known?.modifiedAtMs ?? 0, modifiedAtMs),
    });
  };
  for await (const { uploadId, stop, modifiedAtMs } of stagedObjects(s3, STAGING))
    add(uploadId, stop, modifiedAtMs);
  for await (const multipart of multipartsUnder(s3, STAGING)) {
    const parts = await partsOf(s3, multipart);
    const bytes = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    add(multipart.uploadId, bytes, Math.max(multipart.begunAtMs, ...parts.map(({ atMs }) => atMs)));
  }
  return [...entries.values()];
}

async function* stagedObjects(s3: S3Connection, prefix: string): AsyncGenerator<StagedObject> {
  for await (const { key, sizeBytes, modifiedAtMs } of listKeys(s3, prefix)) {
    const place = stagedAt(key);
    if (place !== null) yield { key, ...place, stop: place.start + sizeBytes, modifiedAtMs };
  }
}

async function* multipartsUnder(s3: S3Connection, prefix: string): AsyncGenerator<Multipart> {
  let after: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (after !== undefined) {
    const marker: object = after;
    const page = await s3.run(`list uploads under ${prefix}`, "read", (client) =>
      client.listMultipartUploads({ ...s3.under(prefix), ...marker }),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      const key = s3.keyOf(Key ?? "");
      const place = stagedAt(key);
      if (place === null || UploadId === undefined) continue;
      const begunAtMs = Initiated?.getTime() ?? 0;
      yield { key, uploadId: place.uploadId, multipartId: UploadId, begunAtMs };
    }
    after =
      page.IsTruncated === true && page.NextKeyMarker !== undefined
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker ?? "" }
        : undefined;
  }
}

/** The parts that have arrived; none when the upload was completed or dropped meanwhile. */
async function partsOf(
  s3: S3Connection,
  { key, multipartId }: Multipart,
): Promise<(SentPart & { number: number; atMs: number })[]> {
  const parts: (SentPart & { number: number; atMs: number })[] = [];
  let after: string | undefined;
  do {
    const marker = after;
    try {
      const page = await s3.run(`list parts of ${key}`, "read", (client) =>
        client.listParts({
          ...s3.at(key),
          UploadId: multipartId,
          ...(marker && { PartNumberMarker: marker }),
        }),
      );
      for (const { PartNumber, Size, ETag, LastModified } of page.Parts ?? []) {
        const atMs = LastModified?.getTime() ?? 0;
        parts.push({ number: PartNumber ?? 0, sizeBytes: Size ?? 0, md5: plainEtag(ETag) ?? "", atMs });
      }
      after = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
    } catch (error) {
      if (hasS3Code(error, "NoSuchUpload") || isMissing(error)) return [];
      throw error;
    }
  } while (after !== undefined);
  return parts;
}

/** Makes the full parts, as far as they follow one another, an object. Somebody else may do so at the same time. */
async function completeFullParts(s3: S3Connection, multipart: Multipart): Promise<void> {
  const parts = await partsOf(s3, multipart);
  const gap = parts.findIndex(({ number }, index) => number !== index + 1);
  const inOrder = gap === -1 ? parts : parts.slice(0, gap);
  const short = inOrder.findIndex(({ number, sizeBytes }) => sizeBytes !== partBytes(number));
  // The last part of a whole upload is not full; it was sent only when the whole was about to be completed.
  const usable = short === -1 ? inOrder : inOrder.slice(0, short + 1);
  if (usable.length === 0) return;
  try {
    await completeParts(s3, multipart.key, multipart.multipartId, usable);
  } catch (error) {
    // Whoever was faster has made an object of as many parts, or more.
    if (!hasCode(error, "blob.staging_gone")) throw error;
  }
}

async function* joined(
  s3: S3Connection,
  objects: readonly StagedObject[],
  sizeBytes: number,
): AsyncGenerator<Buffer> {
  let position = 0;
  for (const { key, start, stop } of objects) {
    if (position >= sizeBytes) return;
    if (stop <= position) continue;
    if (start > position) break;
    let at = start;
    for await (const chunk of proven(s3, key)) {
      const wanted = chunk.subarray(Math.max(0, position - at), Math.max(0, sizeBytes - at));
      at += chunk.byteLength;
      position += wanted.byteLength;
      if (wanted.byteLength > 0) yield wanted;
    }
  }
  if (position >= sizeBytes) return;
  throw blobErrors.error("blob.damaged", `Staged bytes are missing from ${position} on.`, {
    details: { position, sizeBytes },
  });
}

/** The bytes of a staged object; fails at their end when they are not those that its ETag is of. */
async function* proven(s3: S3Connection, key: string): AsyncGenerator<Buffer> {
  const { stream, etag } = await openObject(s3, key);
  const hasher = new EtagHasher({ inParts: etag?.includes("-") === true });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hasher.update(chunk);
    yield chunk;
  }
  if (hasher.etag() === etag) return;
  throw blobErrors.error("blob.damaged", `The bytes of ${key} are not those that were sent.`, {
    details: { key },
  });
}
