import { hasCode } from "../../base/errors.ts";
import { blobErrors } from "../errors.ts";
import { etagOfParts, plainEtag } from "./etag.ts";
import type { S3Connection } from "./s3-connection.ts";
import { removeKey } from "./remove-key.ts";
import { hasS3Code, isMissing } from "./s3-errors.ts";
import type { Spool } from "./spool.ts";

/** A part as it was sent; its MD5 in hex. */
export interface SentPart {
  readonly sizeBytes: number;
  readonly md5: string;
}

/** What must stand at a key after something was put there. */
export interface Expected {
  readonly sizeBytes: number;
  readonly etag: string;
}

/** One request copies at most this much; S3's own limit. */
const MAX_COPY_BYTES = 5 * 1024 ** 3;
/** Parts copied at once. */
const COPIES = 4;

/** Puts spooled bytes at a key. What the store then says it has is proven. */
export async function putSpooled(
  s3: S3Connection,
  key: string,
  spool: Spool,
  range: { readonly start: number; readonly stop: number } = { start: 0, stop: spool.sizeBytes },
): Promise<void> {
  const { start, stop } = range;
  const md5 = await (start === 0 && stop === spool.sizeBytes ? spool.md5() : spool.md5Of(start, stop));
  await s3.run(`write ${key}`, "write", (client) =>
    spool.lend(start, stop, (bytes) =>
      client.putObject({
        ...s3.at(key),
        Body: bytes,
        ContentLength: stop - start,
        ContentMD5: base64Of(md5),
      }),
    ),
  );
  await prove(s3, key, { sizeBytes: stop - start, etag: md5 });
}

/** Puts nothing at a key: an object of no bytes. */
export async function putEmpty(s3: S3Connection, key: string): Promise<void> {
  await s3.run(`write ${key}`, "write", (client) => client.putObject({ ...s3.at(key), ContentLength: 0 }));
  await prove(s3, key, { sizeBytes: 0, etag: "d41d8cd98f00b204e9800998ecf8427e" });
}

/** Begins a multipart upload. One whose answer is lost stays behind empty, until staging is discarded. */
export async function beginParts(s3: S3Connection, key: string): Promise<string> {
  const { UploadId } = await s3.run(`begin ${key}`, "write", (client) =>
    client.createMultipartUpload(s3.at(key)),
  );
  if (UploadId === undefined) throw blobErrors.error("blob.write_failed", "The store began no upload.");
  return UploadId;
}

/** Sends spooled bytes as one part. */
export async function putPart(
  s3: S3Connection,
  part: { key: string; multipartId: string; number: number },
  spool: Spool,
): Promise<SentPart> {
  const { key, multipartId, number } = part;
  const md5 = await spool.md5();
  const { ETag } = await s3.run(`send part ${number} of ${key}`, "write", (client) =>
    spool.lend(0, spool.sizeBytes, (bytes) =>
      client.uploadPart({
        ...s3.at(key),
        UploadId: multipartId,
        PartNumber: number,
        Body: bytes,
        ContentLength: spool.sizeBytes,
        ContentMD5: base64Of(md5),
      }),
    ),
  );
  requireMd5(key, ETag, md5);
  return { sizeBytes: spool.sizeBytes, md5 };
}

/**
 * Makes parts an object, and proves what the store then says it has. An answer may be lost and the request come a second
 * time: the store may know nothing of the upload any more, but has the object.
 */
export async function completeParts(
  s3: S3Connection,
  key: string,
  multipartId: string,
  parts: readonly SentPart[],
): Promise<Expected> {
  const list = parts.map(({ md5 }, index) => ({ PartNumber: index + 1, ETag: `"${md5}"` }));
  const expected = {
    sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    etag: etagOfParts(parts.map(({ md5 }) => md5)),
  };
  try {
    await s3.run(`complete ${key}`, "write", (client) =>
      client.completeMultipartUpload({
        ...s3.at(key),
        UploadId: multipartId,
        MultipartUpload: { Parts: list },
      }),
    );
  } catch (error) {
    if (!hasS3Code(error, "NoSuchUpload")) throw error;
    const isThere = await isProven(s3, key, expected);
    if (!isThere) throw stagingGone(error);
  }
  await prove(s3, key, expected);
  return expected;
}

/**
 * Copies an object of parts within the store, in one request where that keeps its ETag, else part by part: a store may
 * hash a copy anew (Amazon's), which then proves nothing.
 */
export async function copyObject(
  s3: S3Connection,
  from: string,
  to: string,
  parts: readonly SentPart[],
  expected: Expected,
): Promise<void> {
  if (expected.sizeBytes <= MAX_COPY_BYTES) {
    const { CopyObjectResult: result } = await s3.run(`copy to ${to}`, "write", (client) =>
      client.copyObject({ ...s3.at(to), CopySource: s3.copySource(from) }),
    );
    if (plainEtag(result?.ETag) === expected.etag) {
      await prove(s3, to, expected);
      return;
    }
  }
  await copyParts(s3, from, to, parts);
}

/** Raises `blob.write_failed` unless the store says it has just that; what it has instead is removed. */
export async function prove(s3: S3Connection, key: string, expected: Expected): Promise<void> {
  const found = await headOf(s3, key);
  if (found?.sizeBytes === expected.sizeBytes && found.etag === expected.etag) return;
  await removeKey(s3, key).catch(() => {});
  throw blobErrors.error("blob.write_failed", `The store has something else at ${key} than was sent.`, {
    details: { key, expected, found },
  });
}

/** Size and ETag of what stands at a key; null when nothing does. */
export async function headOf(s3: S3Connection, key: string): Promise<Expected | null> {
  try {
    const { ContentLength, ETag } = await s3.run(`look at ${key}`, "read", (client) =>
      client.headObject(s3.at(key)),
    );
    return { sizeBytes: ContentLength ?? 0, etag: plainEtag(ETag) ?? "" };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function isProven(s3: S3Connection, key: string, expected: Expected): Promise<boolean> {
  const found = await headOf(s3, key);
  return found?.sizeBytes === expected.sizeBytes && found.etag === expected.etag;
}

async function copyParts(
  s3: S3Connection,
  from: string,
  to: string,
  parts: readonly SentPart[],
): Promise<void> {
  const multipartId = await beginParts(s3, to);
  const ranges = rangesOf(parts);
  const copyOne = async ({ number, md5, range }: (typeof ranges)[number]): Promise<void> => {
    const { CopyPartResult: result } = await s3.run(`copy part ${number} to ${to}`, "write", (client) =>
      client.uploadPartCopy({
        ...s3.at(to),
        UploadId: multipartId,
        PartNumber: number,
        CopySource: s3.copySource(from),
        CopySourceRange: range,
      }),
    );
    requireMd5(to, result?.ETag, md5);
  };
  try {
    const left = ranges.values();
    await Promise.all(
      Array.from({ length: COPIES }, async () => {
        for (const part of left) await copyOne(part);
      }),
    );
    await completeParts(s3, to, multipartId, parts);
  } catch (error) {
    if (!hasCode(error, "blob.staging_gone")) await abortParts(s3, to, multipartId).catch(() => {});
    throw error;
  }
}

/** Gives a multipart upload up. One that is not there is fine. */
export async function abortParts(s3: S3Connection, key: string, multipartId: string): Promise<void> {
  try {
    await s3.run(`give up ${key}`, "write", (client) =>
      client.abortMultipartUpload({ ...s3.at(key), UploadId: multipartId }),
    );
  } catch (error) {
    if (!hasS3Code(error, "NoSuchUpload")) throw error;
  }
}

function rangesOf(parts: readonly SentPart[]) {
  let start = 0;
  return parts.map(({ sizeBytes, md5 }, index) => {
    const range = `bytes=${start}-${start + sizeBytes - 1}`;
    start += sizeBytes;
    return { number: index + 1, md5, range };
  });
}

/** Raised when another process has completed or dropped what this one was staging. */
export function stagingGone(cause: unknown) {
  return blobErrors.error("blob.staging_gone", "The staged bytes were taken over or dropped meanwhile.", {
    cause,
  });
}

function requireMd5(key: string, etag: string | undefined, md5: string): void {
  if (plainEtag(etag) === md5) return;
  throw blobErrors.error("blob.write_failed", `The store has other bytes of ${key} than were sent.`, {
    details: { key, expected: md5, found: plainEtag(etag) ?? null },
  });
}

function base64Of(md5: string): string {
  return Buffer.from(md5, "hex").toString("base64");
}
