import { isSha256Hex } from "../../base/digest.ts";
import type { BlobLocation } from "../blob-store.ts";
import { checkUploadId, invalidKey, isUploadId } from "../checks.ts";

/**
 * The bucket's layout, below the prefix:
 *
 *     objects/ab/<sha256>/<upload id>[.n]   an object; a fresh key for every time it is put there
 *     staging/<upload id>/parts             the full parts of an upload under way: first a multipart upload, then an object
 *     staging/<upload id>/<offset>          bytes from that offset that were acknowledged and fill no part yet
 */
export const OBJECTS = "objects/";
export const STAGING = "staging/";

const OBJECT_KEY = /^objects\/([0-9a-f]{2})\/([0-9a-f]{64})\/[A-Za-z0-9_]{1,64}(?:\.[0-9]{1,4})?$/;
/** Digits of an offset: it sorts as text, up to the largest number there is. */
const OFFSET_DIGITS = 16;

/** A fresh key for the object: the `count`-th (from 1) that this upload puts there. Raises `blob.invalid_key`. */
export function freshKey(sha256: string, uploadId: string, count: number): string {
  checkUploadId(uploadId);
  if (!isSha256Hex(sha256)) throw invalidKey(sha256);
  return `${OBJECTS}${sha256.slice(0, 2)}/${sha256}/${uploadId}${count === 1 ? "" : `.${count}`}`;
}

/** The location's key, proven to be one of its digest's. Raises `blob.invalid_key`. */
export function checkedS3Key({ sha256, key }: BlobLocation): string {
  if (sha256OfKey(key) !== sha256 || key.endsWith("\n")) throw invalidKey(key);
  return key;
}

/** The digest that a key is of; null when it is no object's. */
export function sha256OfKey(key: string): string | null {
  const [, folder, sha256] = OBJECT_KEY.exec(key) ?? [];
  return sha256 !== undefined && folder === sha256.slice(0, 2) ? sha256 : null;
}

/** Everything of one upload. Raises `blob.invalid_upload_id`. */
export function stagingFolder(uploadId: string): string {
  checkUploadId(uploadId);
  return `${STAGING}${uploadId}/`;
}

export function partsKey(uploadId: string): string {
  return `${stagingFolder(uploadId)}parts`;
}

export function pieceKey(uploadId: string, offset: number): string {
  return `${stagingFolder(uploadId)}${String(offset).padStart(OFFSET_DIGITS, "0")}`;
}

/** The upload that a key in staging is of, and where its bytes begin; null for a key that is not the store's. */
export function stagedAt(key: string): { uploadId: string; start: number } | null {
  const [, uploadId = "", name = ""] = key.split("/");
  if (!isUploadId(uploadId)) return null;
  if (name === "parts") return { uploadId, start: 0 };
  return /^[0-9]{16}$/.test(name) ? { uploadId, start: Number(name) } : null;
}
