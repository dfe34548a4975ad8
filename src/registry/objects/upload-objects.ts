import { forEachAtMost } from "../../base/async.ts";
import { newId } from "../../base/ids.ts";
import type { StagedBlob } from "../../blob/blob-store.ts";
import { blobErrors } from "../../blob/errors.ts";
import { hasScope } from "../access.ts";
import type { Context } from "../context.ts";
import { authErrors, validationErrors } from "../errors.ts";
import type { Principal } from "../principal.ts";
import type { UploadedObject, UploadOptions, UploadSource } from "../records/objects.ts";
import { PLACES_AT_ONCE, recordStaged, recordAllStaged } from "./record-staged.ts";

/**
 * Stores bytes: staged and digested outside any transaction, durable under their digest, then recorded and leased in one
 * transaction. Bytes that are here already are leased only.
 */
export async function uploadObject(
  context: Context,
  source: UploadSource,
  options: UploadOptions,
): Promise<UploadedObject> {
  requireUploader(context.principal);
  const uploadId = newId("upl");
  const staged = await stage(context, uploadId, source, options);
  try {
    checkExpected(staged, options.expected);
    options.signal?.throwIfAborted();
    return await recordStaged(context, staged);
  } finally {
    await context.blobs.discard(uploadId);
  }
}

/** Many small ones: each is durable by itself, and all are recorded in one transaction. Answers in the order given. */
export async function uploadObjects(
  context: Context,
  sources: readonly UploadSource[],
  options: Pick<UploadOptions, "signal">,
): Promise<readonly UploadedObject[]> {
  requireUploader(context.principal);
  const uploads = sources.map((source) => ({ source, uploadId: newId("upl") }));
  const staged: StagedBlob[] = [];
  try {
    const work = async (
      [index, { source, uploadId }]: [number, (typeof uploads)[number]],
      signal: AbortSignal,
    ) => {
      staged[index] = await stage(context, uploadId, source, { signal });
    };
    await forEachAtMost(PLACES_AT_ONCE, uploads.entries(), options.signal, work);
    options.signal?.throwIfAborted();
    return await recordAllStaged(context, staged);
  } finally {
    await forEachAtMost(PLACES_AT_ONCE, uploads, undefined, ({ uploadId }) =>
      context.blobs.discard(uploadId),
    );
  }
}

function stage(
  context: Context,
  uploadId: string,
  source: UploadSource,
  { onProgress, signal }: Pick<UploadOptions, "onProgress" | "signal">,
): Promise<StagedBlob> {
  return context.blobs.stage(uploadId, source.open(), {
    maxBytes: context.settings.maxUploadBytes,
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Stores bytes that the server itself made, such as a manifest. */
export async function storeBytes(context: Context, bytes: Uint8Array): Promise<UploadedObject> {
  async function* once() {
    yield bytes;
  }
  return uploadObject(context, { open: once, sizeBytes: bytes.length }, {});
}

/** Raises `auth.*` unless the principal may bring bytes. Limits to an app do not matter: bytes belong to none yet. */
export function requireUploader(principal: Principal): void {
  if (hasScope(principal, "publish") || hasScope(principal, "package.write")) return;
  if (principal.actor === "anonymous")
    throw authErrors.error("auth.missing_token", "Uploading needs a token.");
  throw authErrors.error("auth.missing_scope", "Uploading needs the scope publish or package.write.", {
    details: { scope: "publish" },
  });
}

/** What a caller is told who announces more bytes than are taken. */
export function tooLarge(maxBytes: number) {
  return blobErrors.error("blob.too_large", `At most ${maxBytes} bytes are taken here.`, {
    details: { max_bytes: maxBytes },
  });
}

function checkExpected(staged: StagedBlob, expected: UploadOptions["expected"]): void {
  if (expected?.size !== undefined && expected.size !== staged.sizeBytes) {
    throw validationErrors.error(
      "validation.size_mismatch",
      `The file has ${staged.sizeBytes} bytes, not the declared ${expected.size}.`,
      { details: { expected: expected.size, actual: staged.sizeBytes } },
    );
  }
  if (expected?.sha256 !== undefined && expected.sha256 !== staged.sha256) {
    throw validationErrors.error(
      "validation.digest_mismatch",
      "The file's SHA-256 is not the declared one.",
      {
        details: { expected: expected.sha256, actual: staged.sha256 },
      },
    );
  }
}
