import { DistError, errnoOf } from "../../base/errors.ts";
import { storageErrors } from "../../base/storage-errors.ts";
import { blobErrors } from "../errors.ts";

/** What the SDK raises: an answer of the store's with its code, or a failure on the way to it. */
interface Failure {
  readonly status: number | undefined;
  readonly code: string;
}

const DENIED = new Set(["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"]);
const FULL = new Set(["QuotaExceeded", "InsufficientStorage"]);
/** Refusals that another attempt may not meet: bytes damaged on their way, a body that came too slowly. */
const PASSING = new Set(["BadDigest", "RequestTimeout", "IncompleteBody", "SlowDown", "OperationAborted"]);

/** True for what may pass: no answer, or one that says the store cannot now. */
export function isPassing(error: unknown): boolean {
  if (error instanceof DistError) return false;
  const { status, code } = failureOf(error);
  return status === undefined || status >= 500 || status === 429 || status < 300 || PASSING.has(code);
}

/** True when the store answered that it has no such thing. */
export function isMissing(error: unknown): boolean {
  return hasS3Code(error, "NoSuchKey") || hasS3Code(error, "NotFound");
}

/** True for an error made by `s3Error` out of this code of S3's. */
export function hasS3Code(error: unknown, code: string): boolean {
  return error instanceof DistError && error.details["s3_code"] === code;
}

/**
 * Wraps what the SDK raised while `attempt` was made. What it raised is not kept: it holds the whole request. A `DistError`
 * passes unchanged.
 */
export function s3Error(attempt: string, mode: "read" | "write", error: unknown): DistError {
  if (error instanceof DistError) return error;
  const { status, code } = failureOf(error);
  const message = `Could not ${attempt} (${status === undefined ? code : `${status} ${code}`}).`;
  const options = { details: { s3_code: code, status: status ?? null } };
  if (code === "NoSuchBucket") {
    return blobErrors.error("blob.bucket_missing", "The store's bucket does not exist.", {
      ...options,
      hint: "Create the bucket, or correct storage.bucket and storage.endpoint.",
    });
  }
  if (code === "RequestTimeTooSkewed") {
    return blobErrors.error("blob.clock_skewed", "The object store refuses this machine's clock.", {
      ...options,
      hint: "Set the clock of this machine; NTP keeps it right.",
    });
  }
  if (FULL.has(code)) return storageErrors.error("store.full", message, options);
  if (DENIED.has(code) || status === 401 || status === 403) {
    return blobErrors.error("blob.access_denied", message, {
      ...options,
      hint: "Check storage.access_key_id, storage.secret_access_key, and what they may do in the bucket.",
    });
  }
  return blobErrors.error(mode === "read" ? "blob.read_failed" : "blob.write_failed", message, options);
}

function failureOf(error: unknown): Failure {
  const { $metadata, name } = error as { $metadata?: { httpStatusCode?: number }; name?: string };
  const status = $metadata?.httpStatusCode;
  return { status, code: errnoOf(error) ?? name ?? String(error) };
}
