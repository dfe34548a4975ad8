import { type FileHandle, open } from "node:fs/promises";

import { createDualHasher } from "../base/digest.ts";
import { readFileChunks } from "../base/files.ts";
import type { RandomAccess } from "../base/random-access.ts";
import type { DeclaredArtifact, Inspection } from "../inspect/inspection.ts";
import { inspectIsolated } from "../inspect/isolate/inspect-isolated.ts";

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
    const inspection = await inspectOpen(file, declared, true);
    const hasher = await createDualHasher();
    for await (const chunk of readFileChunks(file)) hasher.update(chunk);
    const digests = hasher.digest();
    return { size_bytes: digests.sizeBytes, sha256: digests.sha256, blake3: digests.blake3, inspection };
  } finally {
    await file.close();
  }
}

/** The same, reading no more than facts need: no digests, and signatures are not verified. */
export async function inspectFacts(
  path: string,
  declared: DeclaredArtifact,
): Promise<Pick<InspectedFile, "size_bytes" | "inspection">> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    return { size_bytes: size, inspection: await inspectOpen(file, declared, false) };
  } finally {
    await file.close();
  }
}

async function inspectOpen(
  file: FileHandle,
  declared: DeclaredArtifact,
  verify: boolean,
): Promise<Inspection> {
  const bytes: RandomAccess = {
    sizeBytes: (await file.stat()).size,
    fd: file.fd,
    read: async (offset, length) => {
      const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    },
    close: async () => {},
  };
  return inspectIsolated(bytes, declared, { nowMs: Date.now(), verify });
}
