import { hasCode } from "../../base/errors.ts";
import type { BlobAbilities } from "../blob-store.ts";
import { removeKey } from "./remove-key.ts";
import type { S3Connection } from "./s3-connection.ts";
import { hasS3Code } from "./s3-errors.ts";

/** Not those of any bytes sent here. */
const WRONG_MD5 = "AAAAAAAAAAAAAAAAAAAAAA==";

/**
 * Tries out at `key`, which is free and is so again afterwards, what S3-compatible stores do differently. Raises what cannot
 * be tried because the store does not answer.
 */
export async function probeAbilities(s3: S3Connection, key: string): Promise<BlobAbilities> {
  const put = (more: object): Promise<unknown> =>
    s3.run("probe the store", "write", (client) =>
      client.putObject({ ...s3.at(key), Body: "probe", ContentLength: 5, ...more }),
    );
  const refusesWrongMd5 = await refused(put({ ContentMD5: WRONG_MD5 }), "BadDigest", "InvalidDigest");
  await put({});
  try {
    const refusesSecondPut = await refused(put({ IfNoneMatch: "*" }), "PreconditionFailed");
    const part = await s3.run("probe the store", "read", async (client) => {
      const { ContentRange, Body } = await client.getObject({ ...s3.at(key), Range: "bytes=1-2" });
      await Body?.transformToByteArray();
      return ContentRange;
    });
    return {
      checks_content_md5: refusesWrongMd5,
      conditional_put: refusesSecondPut,
      ranges: part === "bytes 1-2/5",
      versioning: await s3.keepsVersions(),
      object_lock: await hasObjectLock(s3),
    };
  } finally {
    await removeKey(s3, key);
  }
}

async function hasObjectLock(s3: S3Connection): Promise<boolean> {
  try {
    const { Bucket } = s3.at("");
    const answer = await s3.run("probe the store", "read", (client) =>
      client.getObjectLockConfiguration({ Bucket }),
    );
    return answer.ObjectLockConfiguration?.ObjectLockEnabled === "Enabled";
  } catch (error) {
    const isUnknown = ["ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed"];
    if (hasCode(error, "blob.access_denied") || isUnknown.some((code) => hasS3Code(error, code)))
      return false;
    throw error;
  }
}

async function refused(put: Promise<unknown>, ...codes: readonly string[]): Promise<boolean> {
  try {
    await put;
    return false;
  } catch (error) {
    if (codes.some((code) => hasS3Code(error, code))) return true;
    throw error;
  }
}
