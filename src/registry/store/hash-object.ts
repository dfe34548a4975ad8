import { createDualHasher, type Digests } from "../../base/digest.ts";
import type { BlobLocation, BlobStore } from "../../blob/blob-store.ts";

/** Reads an object to its end and answers what its bytes hash to. Raises what `BlobStore.read` raises. */
export async function hashObject(blobs: BlobStore, location: BlobLocation): Promise<Digests> {
  const hasher = await createDualHasher();
  for await (const chunk of await blobs.readChunks(location)) hasher.update(chunk);
  return hasher.digest();
}

/** What is wrong with bytes that should be an object's; undefined when they are. */
export function digestFault(
  actual: Digests,
  expected: { readonly sha256: string; readonly blake3: string; readonly size_bytes: number },
): { readonly code: string; readonly message: string } | undefined {
  if (actual.sizeBytes !== expected.size_bytes) {
    return {
      code: "object.wrong_size",
      message: `It has ${actual.sizeBytes} bytes, not ${expected.size_bytes}.`,
    };
  }
  if (actual.sha256 !== expected.sha256 || actual.blake3 !== expected.blake3) {
    return { code: "object.damaged", message: "Its bytes no longer hash to its digests." };
  }
  return undefined;
}
