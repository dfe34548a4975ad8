import { forEachAtMost } from "../base/async.ts";
import { createDualHasher, type Digests } from "../base/digest.ts";
import { DistError, hasCode } from "../base/errors.ts";
import type { UploadedObject, UploadOptions, UploadSource } from "../registry/records/objects.ts";
import { path } from "./address-parts.ts";
import type { Api } from "./api.ts";
import { clientErrors } from "./errors.ts";
import { notTheServer, Transient } from "./failures.ts";
import { appendUpload, createUpload, endUpload, getUpload } from "./pieces.ts";

/** From this size on an upload that is cut goes on where it stopped; a smaller one is sent again in one request. */
const RESUMABLE_BYTES = 8 * 1024 * 1024;
/** Small uploads sent at once: their time is the way there and back. */
const UPLOADS_AT_ONCE = 8;
/** How long a client that gives up takes to say so. */
const GOODBYE_MS = 2_000;

/**
 * Hashes the source, then sends its bytes unless the server knows them to be this caller's already, and compares both digests and the size
 * with what the server found. Raises `validation.size_mismatch`, `validation.digest_mismatch`, `validation.source_changed`,
 * `client.digest_mismatch`, what the source raised, and the signal's reason.
 */
export async function uploadObject(
  api: Api,
  source: UploadSource,
  options: UploadOptions,
): Promise<UploadedObject> {
  const { signal, onProgress } = options;
  const digests = await hashed(source, signal);
  checkExpected(digests, options.expected);
  const known = await leaseKnown(api, digests.sha256, signal);
  if (known !== undefined) {
    onProgress?.(digests.sizeBytes);
    return compared(api, known, digests);
  }
  const isLarge = digests.sizeBytes >= RESUMABLE_BYTES;
  const stored = await (isLarge ? sendInPieces : sendAtOnce)(api, source, digests, options);
  return compared(api, stored, digests);
}

/** Many small ones, each a request of its own. Answers in the order given. */
export async function uploadObjects(
  api: Api,
  sources: readonly UploadSource[],
  { signal }: Pick<UploadOptions, "signal">,
): Promise<readonly UploadedObject[]> {
  const objects: UploadedObject[] = [];
  await forEachAtMost(UPLOADS_AT_ONCE, sources.entries(), signal, async ([index, source], either) => {
    objects[index] = await uploadObject(api, source, { signal: either });
  });
  return objects;
}

function sendAtOnce(
  api: Api,
  source: UploadSource,
  digests: Digests,
  { signal, onProgress }: UploadOptions,
): Promise<UploadedObject> {
  return api.call<UploadedObject>({
    method: "POST",
    path: "/api/upload",
    headers: {
      "content-type": "application/octet-stream",
      // RFC 9530 section 2: `Content-Digest: sha-256=:<base64>:`.
      "content-digest": `sha-256=:${Buffer.from(digests.sha256, "hex").toString("base64")}:`,
    },
    body: () => ({
      sizeBytes: digests.sizeBytes,
      chunks: exactly(source, 0, digests.sizeBytes, signal),
      onSent: (bytes) => onProgress?.(bytes),
    }),
    repeatable: true,
    signal,
  });
}

/**
 * Sends what is left after every break, until all of it is there. Whatever ends it otherwise, the upload does not stay
 * behind on the server, if that can still be told so.
 */
async function sendInPieces(
  api: Api,
  source: UploadSource,
  { sizeBytes }: Digests,
  { signal, onProgress }: UploadOptions,
): Promise<UploadedObject> {
  let upload = await createUpload(api, { size_bytes: sizeBytes }, signal);
  let isSure = true;
  const attempt = async (): Promise<UploadedObject> => {
    if (!isSure) upload = await getUpload(api, upload.id, signal);
    if (upload.object !== null) return upload.object;
    isSure = false;
    const { offset } = upload;
    upload = await appendUpload(api, upload, {
      offset,
      open: () => exactly(source, offset, sizeBytes, signal),
      onSent: (bytes) => onProgress?.(offset + bytes),
      signal,
    }).catch((error: unknown) => {
      throw isOvertaken(error) ? new Transient(error, { isUntouched: false }) : error;
    });
    if (upload.object !== null) return upload.object;
    throw notTheServer(api.origin, "took all bytes of an upload and made nothing of them");
  };
  try {
    return await api.persist(attempt, { repeatable: true, progress: () => upload.offset, signal });
  } catch (error) {
    await endUpload(api, upload.id, AbortSignal.timeout(GOODBYE_MS)).catch(() => {});
    throw error;
  }
}

/** The connection before was still at work: the offset is asked for again. */
function isOvertaken(error: unknown): error is DistError {
  return hasCode(error, "upload.offset_mismatch") || hasCode(error, "upload.taken_over");
}

/** Leases an object anew. Raises `object.not_found`. */
export function leaseObject(api: Api, sha256: string, signal?: AbortSignal): Promise<UploadedObject> {
  return api.call({ method: "POST", path: path`/api/objects/${sha256}/lease`, repeatable: true, signal });
}

/** One request instead of a HEAD and a lease; and unlike a HEAD it says what is wrong with a token. */
async function leaseKnown(
  api: Api,
  sha256: string,
  signal: AbortSignal | undefined,
): Promise<UploadedObject | undefined> {
  try {
    return await leaseObject(api, sha256, signal);
  } catch (error) {
    if (hasCode(error, "object.not_found")) return undefined;
    throw error;
  }
}

async function hashed(source: UploadSource, signal: AbortSignal | undefined): Promise<Digests> {
  const hasher = await createDualHasher();
  for await (const chunk of source.open()) {
    signal?.throwIfAborted();
    hasher.update(chunk);
  }
  return hasher.digest();
}

/** The bytes of a further pass from `start`, up to where the first one ended: the length is promised before they are sent. */
async function* exactly(
  source: UploadSource,
  start: number,
  sizeBytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let bytes = start;
  for await (const chunk of source.open(start)) {
    signal?.throwIfAborted();
    bytes += chunk.byteLength;
    if (bytes > sizeBytes) throw sourceChanged();
    yield chunk;
  }
  if (bytes !== sizeBytes) throw sourceChanged();
}

function sourceChanged(): DistError {
  return new DistError("validation.source_changed", "invalid", "The bytes changed while they were read.");
}

function checkExpected(actual: Digests, expected: UploadOptions["expected"]): void {
  if (expected?.size !== undefined && expected.size !== actual.sizeBytes) {
    throw new DistError(
      "validation.size_mismatch",
      "invalid",
      `The file has ${actual.sizeBytes} bytes, not the declared ${expected.size}.`,
      { details: { expected: expected.size, actual: actual.sizeBytes } },
    );
  }
  if (expected?.sha256 !== undefined && expected.sha256 !== actual.sha256) {
    throw new DistError(
      "validation.digest_mismatch",
      "invalid",
      "The file's SHA-256 is not the declared one.",
      { details: { expected: expected.sha256, actual: actual.sha256 } },
    );
  }
}

function compared(api: Api, stored: UploadedObject, { sha256, blake3, sizeBytes }: Digests): UploadedObject {
  if (stored.sha256 === sha256 && stored.blake3 === blake3 && stored.size_bytes === sizeBytes) return stored;
  throw clientErrors.error("client.digest_mismatch", `${api.origin} holds other bytes than were sent.`, {
    details: {
      expected: { sha256, blake3, size_bytes: sizeBytes },
      actual: { sha256: stored.sha256, blake3: stored.blake3, size_bytes: stored.size_bytes },
    },
  });
}
