import type { S3Connection } from "./s3-connection.ts";

/**
 * Removes just this key. In a bucket that keeps versions every version of it goes: the key was made for one upload, and a
 * delete marker alone would keep the bytes for ever. Missing is fine.
 */
export async function removeKey(s3: S3Connection, key: string): Promise<void> {
  if (!(await s3.keepsVersions())) {
    await s3.run(`remove ${key}`, "write", (client) => client.deleteObject(s3.at(key)));
    return;
  }
  const { Bucket, Prefix } = s3.under(key);
  const page = await s3.run(`list versions of ${key}`, "read", (client) =>
    client.listObjectVersions({ Bucket, Prefix }),
  );
  for (const { Key, VersionId } of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]) {
    if (Key !== Prefix || VersionId === undefined) continue;
    await s3.run(`remove a version of ${key}`, "write", (client) =>
      client.deleteObject({ ...s3.at(key), VersionId }),
    );
  }
}
