import { DistError, hasCode } from "../base/errors.ts";
import type { Registry } from "../registry/registry.ts";
import type { UploadedObject, UploadOptions } from "../registry/records.ts";
import type { CommandContext } from "./context.ts";
import type { FileSource } from "../registry/file-source.ts";

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
