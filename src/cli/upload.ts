import { forEachAtMost } from "../base/async.ts";
import { DistError, hasCode } from "../base/errors.ts";
import type { FileSource } from "../registry/file-source.ts";
import type { UploadedObject, UploadOptions } from "../registry/records/objects.ts";
import type { Registry } from "../registry/registry.ts";
import type { CommandContext } from "./context.ts";
import { counted } from "./escape.ts";

/** Enough to hide the wait for a server's answers; more would only take memory. */
const MAX_UPLOADS_AT_ONCE = 4;

/** Sends a file's bytes, with a progress line. Raises what `uploadObject` raises. */
export async function upload(
  { output, signal }: CommandContext,
  registry: Registry,
  source: FileSource,
  { filename, expected }: { filename: string; expected?: NonNullable<UploadOptions["expected"]> },
): Promise<UploadedObject> {
  const progress = output.progress(filename, source.sizeBytes);
  try {
    return await registry.uploadObject(source, {
      ...(expected && { expected }),
      onProgress: (bytes) => progress.update(bytes),
      signal,
    });
  } catch (error) {
    throw named(error, filename);
  } finally {
    progress.end();
  }
}

/** Sends several files, a few at once, under one progress line; the answers are in the order of the files. Raises what `uploadObject` raises. */
export async function uploadAll(
  { output, signal }: CommandContext,
  registry: Registry,
  sources: readonly FileSource[],
): Promise<readonly UploadedObject[]> {
  const total = sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const progress = output.progress(counted(sources.length, "file"), total);
  const stored: UploadedObject[] = [];
  let sentBytes = 0;
  const send = async ([index, source]: [number, FileSource], stop: AbortSignal): Promise<void> => {
    let reached = 0;
    stored[index] = await registry.uploadObject(source, {
      signal: stop,
      onProgress: (bytes) => {
        sentBytes += bytes - reached;
        reached = bytes;
        progress.update(sentBytes);
      },
    });
  };
  try {
    await forEachAtMost(MAX_UPLOADS_AT_ONCE, sources.entries(), signal, send);
    return stored;
  } finally {
    progress.end();
  }
}

/** The registry knows bytes, not files: a mismatch gets the name of the file it is about. */
function named(error: unknown, filename: string): unknown {
  if (!hasCode(error, "validation.size_mismatch") && !hasCode(error, "validation.digest_mismatch"))
    return error;
  const { code, kind, message, details } = error;
  return new DistError(code, kind, `${filename}: ${message}`, {
    details: { filename, ...details },
    cause: error,
  });
}
