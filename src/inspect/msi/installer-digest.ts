import { createHash, type Hash } from "node:crypto";

import type { CompoundDirectory, CompoundEntry } from "./compound-directory.ts";
import { damaged } from "./compound-file.ts";

/** The streams of the signature itself; the second has the digest of names, sizes and times. */
export const SIGNATURE = "\u0005DigitalSignature";
export const METADATA_DIGEST = "\u0005MsiDigitalSignatureEx";
const own = [SIGNATURE, METADATA_DIGEST].map((name) => Buffer.from(name, "utf16le"));

/**
 * The digests of an installer that Authenticode signs, by algorithm: of the content of every stream, ordered by the bytes of their names,
 * each storage's class at its end. `before` is the content of MsiDigitalSignatureEx, which comes first where there is one.
 * Throws `UnreadableError`.
 */
export async function installerDigests(
  directory: CompoundDirectory,
  fileBytes: number,
  algorithms: readonly string[],
  before: Buffer | undefined,
): Promise<ReadonlyMap<string, Buffer>> {
  const hashes = algorithms.map((name) => createHash(name));
  const update = (bytes: Buffer) => {
    for (const hash of hashes) hash.update(bytes);
  };
  if (before) update(before);
  let left = fileBytes;
  for (const step of steps(directory.root)) {
    if (Buffer.isBuffer(step)) {
      update(step);
      continue;
    }
    // Streams that share their sectors would have a small file hashed without end.
    left -= step.sizeBytes;
    if (left < 0) throw damaged("has streams that are longer together than the file");
    for await (const chunk of directory.chunks(step)) update(chunk);
  }
  return new Map(algorithms.map((name, index) => [name, hashes[index]!.digest()]));
}

/** What is hashed one after the other: streams, and the classes of storages behind what is in them. */
function* steps(root: CompoundEntry): Generator<CompoundEntry | Buffer> {
  const waiting: Array<CompoundEntry | Buffer> = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (Buffer.isBuffer(next) || next.isStream) {
      yield next;
      continue;
    }
    waiting.push(next.classId, ...signedChildren(next, root).toReversed());
  }
}

/** The digest that MsiDigitalSignatureEx has to be: of what describes every storage and stream. */
export function metadataDigest(root: CompoundEntry, algorithm: string): Buffer {
  const hash = createHash(algorithm);
  const waiting = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    describe(hash, next, next === root);
    waiting.push(...signedChildren(next, root).toReversed());
  }
  return hash.digest();
}

/** Name (not the root's), class of a storage or size of a stream, state, and times (not the root's). */
function describe(hash: Hash, entry: CompoundEntry, isRoot: boolean): void {
  if (!isRoot) hash.update(entry.nameBytes);
  if (entry.isStream) {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(entry.sizeBytes % 2 ** 32);
    hash.update(size);
  } else {
    hash.update(entry.classId);
  }
  hash.update(entry.stateBits);
  if (!isRoot) hash.update(entry.created).update(entry.modified);
}

function signedChildren(entry: CompoundEntry, root: CompoundEntry): readonly CompoundEntry[] {
  if (entry !== root) return entry.children;
  return entry.children.filter(({ nameBytes }) => !own.some((name) => name.equals(nameBytes)));
}
