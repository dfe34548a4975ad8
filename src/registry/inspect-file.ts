import { open } from "node:fs/promises";

import { createDualHasher } from "../base/digest.ts";
import { readFileChunks } from "../base/files.ts";
import type { RandomAccess } from "../base/random-access.ts";
import { inspectIsolated } from "../inspect/isolate/inspect-isolated.ts";
import type { DeclaredArtifact, Inspection } from "../inspect/inspection.ts";

export interface InspectedFile {
  readonly size_bytes: number;
  readonly sha256: string;
  readonly blake3: string;
  readonly inspection: Inspection;
}

/** Looks inside a file that is in no store, as a publication would. Raises what opening and reading it raises. */
export async function inspectFile(path: string, declared: DeclaredArtifact): Promise<InspectedFile> {
  const file = await open(path, "r");
  try {
    const { size: sizeBytes } = await file.stat();
    const bytes: RandomAccess = {
      sizeBytes,
      fd: file.fd,
      read: async (offset, length) => {
        const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
      close: async () => {},
    };
    const inspection = await inspectIsolated(bytes, declared, { nowMs: Date.now(), verify: true });
    const hasher = await createDualHasher();
    for await (const chunk of readFileChunks(file)) hasher.update(chunk);
    const digests = hasher.digest();
    return { size_bytes: digests.sizeBytes, sha256: digests.sha256, blake3: digests.blake3, inspection };
  } finally {
    await file.close();
  }
}
