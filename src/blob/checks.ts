import { isSha256Hex } from "../base/digest.ts";
import { assert } from "../base/errors.ts";
import type { BlobLocation, ByteRange } from "./blob-store.ts";
import { blobErrors } from "./errors.ts";

const UPLOAD_ID = /^[A-Za-z0-9_]{1,64}$/;

/** The key of the object with this digest: `objects/ab/abcdef…`. Raises `blob.invalid_key`. */
export function objectKey(sha256: string): string {
  if (!isSha256Hex(sha256)) throw invalidKey(sha256);
  return `objects/${sha256.slice(0, 2)}/${sha256}`;
}

/**
 * The location's key, proven to be the one its digest gives. A key becomes a path, so that one made by an attacker
 * (`objects/../dist.db`) would otherwise read or remove files that are no objects. Raises `blob.invalid_key`.
 */
export function checkedKey(location: BlobLocation): string {
  const key = objectKey(location.sha256);
  if (location.key !== key) throw invalidKey(location.key);
  return key;
}

/** True for the text that may name staged bytes; it is a file name, so it holds neither dots nor separators. */
export function isUploadId(text: string): boolean {
  return UPLOAD_ID.test(text);
}

/** Raises `blob.invalid_upload_id`. */
export function checkUploadId(uploadId: string): void {
  if (isUploadId(uploadId)) return;
  throw blobErrors.error(
    "blob.invalid_upload_id",
    "An upload id is 1 to 64 letters, digits or underscores.",
    {
      details: { uploadId },
    },
  );
}

/** The digest that the file `folder/name` under `objects/` is named after; null when it is no object's name. */
export function sha256OfName(folder: string, name: string): string | null {
  return isSha256Hex(name) && name.startsWith(folder) && folder.length === 2 ? name : null;
}

/** The half-open bounds that `range` cuts out of `sizeBytes` bytes. Raises `blob.range_invalid`. */
export function boundsOf(range: ByteRange | undefined, sizeBytes: number): { start: number; stop: number } {
  if (range === undefined) return { start: 0, stop: sizeBytes };
  const { start, end = Number.MAX_SAFE_INTEGER } = range;
  if (
    !Number.isSafeInteger(start) ||
    !Number.isSafeInteger(end) ||
    start < 0 ||
    end < start ||
    start >= sizeBytes
  ) {
    throw blobErrors.error("blob.range_invalid", `No byte of ${sizeBytes} lies in the range asked for.`, {
      details: { start, end: range.end ?? null, sizeBytes },
    });
  }
  return { start, stop: Math.min(end, sizeBytes - 1) + 1 };
}

/** How many of `length` bytes from `offset` there are: a length read out of a hostile file allocates no more than that. */
export function availableBytes(offset: number, length: number, sizeBytes: number): number {
  assert(Number.isSafeInteger(offset) && offset >= 0, "an offset is a whole number from 0");
  assert(Number.isSafeInteger(length) && length >= 0, "a length is a whole number from 0");
  return Math.max(0, Math.min(length, sizeBytes - offset));
}

/** What is raised for a key that the store would not have given. */
export function invalidKey(key: string): Error {
  return blobErrors.error("blob.invalid_key", "This is no key of an object.", { details: { key } });
}
