import type { DeleteMarkerEntry, ObjectVersion } from "@aws-sdk/client-s3";

import { systemClock, toTimestamp } from "../../base/clock.ts";
import { hasCode } from "../../base/errors.ts";
import { blobErrors } from "../errors.ts";
import { lookAt, refusesUntilMs } from "./object-lock.ts";
import type { S3Connection } from "./s3-connection.ts";

/** The store's clock may be so far from this one: it takes no requests from further away. */
const MAX_SKEW_MS = 15 * 60_000;

/**
 * Removes just this key. In a bucket that keeps versions every version of it goes: the key was made for one upload, and a
 * delete marker alone would keep the bytes for ever. Missing is fine. Raises `blob.locked` when the store refuses a version because
 * it is locked, after the others went.
 */
export async function removeKey(s3: S3Connection, key: string): Promise<void> {
  if (!(await s3.keepsVersions())) {
    await s3.run(`remove ${key}`, "write", (client) => client.deleteObject(s3.at(key)));
    return;
  }
  const refusals: number[] = [];
  for (const { version, holdsBytes } of await versionsOf(s3, key)) {
    try {
      await s3.run(`remove a version of ${key}`, "write", (client) =>
        client.deleteObject({ ...s3.at(key), VersionId: version }),
      );
    } catch (error) {
      if (!holdsBytes || !hasCode(error, "blob.access_denied")) throw error;
      // Refused for want of rights and refused for a lock look alike.
      const untilMs = refusesUntilMs(await lookAt(s3, key, version));
      if (untilMs === null || untilMs < systemClock.nowMs() - MAX_SKEW_MS) throw error;
      refusals.push(untilMs);
    }
  }
  if (refusals.length > 0) throw locked(key, Math.max(...refusals));
}

/** Until when the store refuses to remove the key: as long as it does any version of it. */
export async function keyLockedUntil(s3: S3Connection, key: string): Promise<number | null> {
  if (!(await s3.keepsVersions())) return null;
  const locks: number[] = [];
  for (const { version, holdsBytes } of await versionsOf(s3, key)) {
    const untilMs = holdsBytes ? refusesUntilMs(await lookAt(s3, key, version)) : null;
    if (untilMs !== null) locks.push(untilMs);
  }
  return locks.length === 0 ? null : Math.max(...locks);
}

/** Those with bytes first: once they are gone it does not matter that a marker no longer hides them. */
async function versionsOf(
  s3: S3Connection,
  key: string,
): Promise<{ readonly version: string; readonly holdsBytes: boolean }[]> {
  const { Bucket, Prefix } = s3.under(key);
  const page = await s3.run(`list versions of ${key}`, "read", (client) =>
    client.listObjectVersions({ Bucket, Prefix }),
  );
  const ids = (entries: readonly (ObjectVersion | DeleteMarkerEntry)[] = []) =>
    entries.flatMap(({ Key, VersionId }) => (Key === Prefix && VersionId !== undefined ? VersionId : []));
  return [
    ...ids(page.Versions).map((version) => ({ version, holdsBytes: true })),
    ...ids(page.DeleteMarkers).map((version) => ({ version, holdsBytes: false })),
  ];
}

function locked(key: string, untilMs: number) {
  const until = untilMs === Infinity ? null : toTimestamp(untilMs);
  return blobErrors.error(
    "blob.locked",
    `The object store refuses to remove ${key} ${until === null ? "while it is held there" : `before ${until}`}.`,
    {
      details: { key, until },
      hint: "Objects below staging/ are locked when the bucket has a default retention: it must have none.",
    },
  );
}
