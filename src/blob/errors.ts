import { DistError, errnoOf, errorFamily } from "../base/errors.ts";
import { storageErrors } from "../base/storage-errors.ts";

/** What can go wrong with bytes, whatever keeps them; a full or read-only disk is in `storageErrors`. */
export const blobErrors = errorFamily({
  "blob.write_failed": { kind: "unavailable", about: "Bytes could not be made durable; none of them count." },
  "blob.read_failed": { kind: "unavailable", about: "Bytes are there but could not be read." },
  "blob.not_found": { kind: "not_found", about: "No object stands at this location." },
  "blob.damaged": { kind: "corrupt", about: "What stands at an object's place is not the object." },
  "blob.too_large": { kind: "too_large", about: "More bytes arrived than are allowed." },
  "blob.range_invalid": { kind: "invalid", about: "The byte range does not lie within the object." },
  "blob.invalid_key": { kind: "invalid", about: "The text is no key of an object." },
  "blob.invalid_upload_id": { kind: "invalid", about: "The text is no upload id." },
  "blob.upload_exists": { kind: "conflict", about: "Bytes are already staged under this upload id." },
  "blob.bucket_missing": {
    kind: "unavailable",
    about: "The bucket that is to hold the bytes does not exist.",
  },
  "blob.access_denied": {
    kind: "unavailable",
    about: "The object store refuses the credentials, or what they are used for.",
  },
  "blob.clock_skewed": { kind: "unavailable", about: "The object store refuses this machine's clock." },
  "blob.ca_unreadable": {
    kind: "invalid",
    about: "The file of the object store's authorities cannot be read.",
  },
  "blob.no_object_lock": {
    kind: "invalid",
    about: "Objects are to be locked, and the place that keeps them has no object lock.",
  },
  "blob.lock_failed": {
    kind: "unavailable",
    about: "The object store did not lock an object for as long as it was asked to.",
  },
  "blob.locked": { kind: "conflict", about: "The object store refuses to remove what is locked." },
  "blob.staging_gone": { kind: "gone", about: "The staged bytes were dropped before they were committed." },
});

/** Codes of what an operator has to put right: waiting does not help. */
export const misconfigurations: ReadonlySet<string> = new Set([
  "blob.bucket_missing",
  "blob.access_denied",
  "blob.clock_skewed",
  "blob.ca_unreadable",
  "blob.no_object_lock",
  "blob.locked",
]);

/** What is said where objects are to be locked and cannot be. */
export function noObjectLock(): DistError {
  return blobErrors.error("blob.no_object_lock", "The place that keeps the objects has no object lock.", {
    hint: "Use a bucket that was made with object lock, or turn storage.object_lock off.",
  });
}

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const READ_ONLY = new Set(["EROFS", "EACCES", "EPERM"]);

/** Wraps what the file system raised while `attempt` was made for writing. A `DistError` passes unchanged. */
export function writeError(attempt: string, error: unknown): DistError {
  if (error instanceof DistError) return error;
  const errno = errnoOf(error);
  const options = { cause: error, details: { errno: errno ?? null } };
  const message = `Could not ${attempt} (${errno ?? String(error)}).`;
  if (errno !== undefined && FULL.has(errno)) {
    const hint = "Free space, raise the quota, or move the store to a larger disk.";
    return storageErrors.error("store.full", message, { ...options, hint });
  }
  if (errno !== undefined && READ_ONLY.has(errno)) {
    const hint =
      "Check who owns the store directory, how its file system is mounted, and that it supports hard links.";
    return storageErrors.error("store.read_only", message, { ...options, hint });
  }
  return blobErrors.error("blob.write_failed", message, options);
}

/** Wraps what the file system raised while `attempt` was made for reading. A `DistError` passes unchanged. */
export function readError(attempt: string, error: unknown): DistError {
  if (error instanceof DistError) return error;
  const errno = errnoOf(error);
  return blobErrors.error("blob.read_failed", `Could not ${attempt} (${errno ?? String(error)}).`, {
    cause: error,
    details: { errno: errno ?? null },
  });
}
