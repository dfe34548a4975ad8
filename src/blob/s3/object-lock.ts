import { toTimestamp } from "../../base/clock.ts";
import { hasCode } from "../../base/errors.ts";
import type { BlobLock, LockRequest } from "../blob-store.ts";
import { blobErrors, noObjectLock } from "../errors.ts";
import type { S3Connection } from "./s3-connection.ts";
import { hasS3Code, isMissing } from "./s3-errors.ts";

/** What stands at a key, or was put there before, with what keeps the store from removing it. */
interface Standing {
  readonly version: string | undefined;
  readonly sizeBytes: number;
  readonly retainedUntilMs: number | null;
  /** Nobody's credentials shorten it; the other mode is lifted by whoever has a right to. */
  readonly isCompliance: boolean;
  readonly isHeld: boolean;
}

/**
 * Locks the bytes at a key in compliance mode, which nobody's credentials shorten or lift, and reads it back: what a store does with a
 * date is its own affair (Ceph takes the year 2400 and keeps 1991). A legal hold would not do, for the same credentials lift it.
 */
export async function lockKey(s3: S3Connection, key: string, request: LockRequest): Promise<BlobLock> {
  const before = await standingAt(s3, key, request);
  const untilMs = Math.ceil(Math.max(request.untilMs, before.retainedUntilMs ?? 0) / 1000) * 1000;
  const known = lockOf(before);
  if (known !== null && known.untilMs >= request.untilMs) return known;
  const refusal = await retain(s3, key, before, untilMs);
  const after = await lookAt(s3, key, before.version);
  const lock = after === null ? null : lockOf(after);
  // Refused and yet locked for as long: somebody else was faster, with a later date.
  if (lock !== null && lock.untilMs >= request.untilMs) return lock;
  throw (
    refusal ??
    blobErrors.error("blob.lock_failed", `${key} is not locked until ${toTimestamp(untilMs)}.`, {
      details: {
        key,
        wanted: toTimestamp(untilMs),
        found: lock === null ? null : toTimestamp(lock.untilMs),
      },
    })
  );
}

/** Until when the store refuses to remove what stands there; Infinity while a legal hold is on it. */
export function refusesUntilMs(standing: Standing | null): number | null {
  return standing?.isHeld === true ? Infinity : (standing?.retainedUntilMs ?? null);
}

/** What stands at a key, or one version of what stood there; null when it does not. */
export async function lookAt(
  s3: S3Connection,
  key: string,
  version: string | undefined,
): Promise<Standing | null> {
  try {
    const head = await s3.run(`look at the lock of ${key}`, "read", (client) =>
      client.headObject({ ...s3.at(key), ...(version === undefined ? {} : { VersionId: version }) }),
    );
    return {
      version: head.VersionId ?? version,
      sizeBytes: head.ContentLength ?? 0,
      retainedUntilMs: head.ObjectLockRetainUntilDate?.getTime() ?? null,
      isCompliance: head.ObjectLockMode === "COMPLIANCE",
      isHeld: head.ObjectLockLegalHoldStatus === "ON",
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** The version that was locked before, whatever was put over it since; else what stands there now. */
async function standingAt(
  s3: S3Connection,
  key: string,
  { version, sizeBytes }: LockRequest,
): Promise<Standing> {
  const locked = version === undefined ? null : await lookAt(s3, key, version);
  const standing = locked ?? (await lookAt(s3, key, undefined));
  if (standing === null)
    throw blobErrors.error("blob.not_found", `There is no ${key}.`, { details: { key } });
  if (standing.sizeBytes === sizeBytes) return standing;
  throw blobErrors.error("blob.damaged", `${key} has ${standing.sizeBytes} bytes instead of ${sizeBytes}.`, {
    details: { key, expectedBytes: sizeBytes, presentBytes: standing.sizeBytes },
  });
}

function lockOf({ version, retainedUntilMs, isCompliance }: Standing): BlobLock | null {
  if (version === undefined || retainedUntilMs === null || !isCompliance) return null;
  return { version, untilMs: retainedUntilMs };
}

/** Asks for the lock; answers the store's refusal, which the lock that is there then explains, or does not. */
async function retain(
  s3: S3Connection,
  key: string,
  { version, retainedUntilMs, isCompliance }: Standing,
  untilMs: number,
): Promise<Error | undefined> {
  // Set by somebody else; it is replaced by one that lasts as long.
  const isLifted = retainedUntilMs !== null && !isCompliance;
  try {
    await s3.run(`lock ${key}`, "write", (client) =>
      client.putObjectRetention({
        ...s3.at(key),
        ...(version === undefined ? {} : { VersionId: version }),
        ...(isLifted ? { BypassGovernanceRetention: true } : {}),
        Retention: { Mode: "COMPLIANCE", RetainUntilDate: new Date(untilMs) },
      }),
    );
    return undefined;
  } catch (error) {
    // "object retention can't be set if bucket object lock not configured"
    if (hasS3Code(error, "InvalidRequest")) throw noObjectLock();
    if (hasCode(error, "blob.access_denied")) return error;
    throw error;
  }
}
