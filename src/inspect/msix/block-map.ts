import { createHash, hash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { UnreadableError } from "../unreadable.ts";
import { XmlReader } from "../windows-xml.ts";
import type { ZipEntry } from "../zip/zip-directory.ts";
import { entryChunks } from "../zip/zip-entry.ts";

export const BLOCK_MAP = "AppxBlockMap.xml";
/** "Each block is the hash of 64 KiB of the uncompressed file" (package block map schema). */
const BLOCK_BYTES = 64 * 1024;
/** 48 bytes or so for each 64 KiB of the package: for 40 GB of it. */
const MAX_BLOCKS = 600_000;
const SHOWN = 5;

/** URIs of XML Encryption and XML Signature, as HashMethod names algorithms. */
const methods: ReadonlyMap<string, string> = new Map([
  ["http://www.w3.org/2001/04/xmlenc#sha256", "sha256"],
  ["http://www.w3.org/2001/04/xmldsig-more#sha384", "sha384"],
  ["http://www.w3.org/2001/04/xmlenc#sha512", "sha512"],
]);

/** What no block map lists: itself, what is made after it, and what has a digest of its own in the signature. */
const unlisted: ReadonlySet<string> = new Set([
  BLOCK_MAP,
  "AppxSignature.p7x",
  "[Content_Types].xml",
  "AppxMetadata/CodeIntegrity.cat",
]);

interface ListedFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly blocks: readonly string[];
}

export interface BlockMap {
  /** As `node:crypto` names it. */
  readonly algorithm: string;
  readonly files: readonly ListedFile[];
}

/** Reads a block map as it streams by. Throws `UnreadableError`. */
export async function readBlockMap(chunks: AsyncIterable<Uint8Array>): Promise<BlockMap> {
  let algorithm: string | undefined;
  let blockCount = 0;
  const files: { name: string; sizeBytes: number; blocks: string[] }[] = [];
  const reader = new XmlReader(BLOCK_MAP, {
    open: (name, attributes) => {
      if (name === "BlockMap") algorithm = methods.get(attributes.get("HashMethod") ?? "");
      if (name === "File") {
        files.push({
          // The schema has backslashes, the archive slashes.
          name: (attributes.get("Name") ?? "").replaceAll("\\", "/"),
          sizeBytes: Number(attributes.get("Size")),
          blocks: [],
        });
      }
      if (name === "Block") {
        blockCount += 1;
        if (blockCount > MAX_BLOCKS) {
          throw new UnreadableError("limit", `The block map has more than ${MAX_BLOCKS} blocks.`, BLOCK_MAP);
        }
        files.at(-1)?.blocks.push(attributes.get("Hash") ?? "");
      }
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of chunks) reader.write(decoder.decode(chunk, { stream: true }));
  reader.write(decoder.decode());
  reader.end();
  if (algorithm === undefined) {
    throw new UnreadableError(
      "unsupported",
      "The block map's digests are of a kind that is not read.",
      BLOCK_MAP,
    );
  }
  return { algorithm, files };
}

/**
 * Holds every file of a package against its block map, block by block. The packages in a bundle have block maps of their own. Raises
 * what reading the file raises.
 */
export async function checkBlockMap(
  bytes: RandomAccess,
  entries: readonly ZipEntry[],
  map: BlockMap,
): Promise<Finding[]> {
  const listed = new Map(map.files.map((file) => [file.name, file] as const));
  const wrong: string[] = [];
  for (const entry of entries) {
    if (entry.name.endsWith("/")) continue;
    const name = decodeName(entry.name);
    const file = listed.get(name);
    listed.delete(name);
    if (file === undefined) {
      if (!unlisted.has(name) && !/\.(?:appx|msix)$/i.test(name)) wrong.push(name);
    } else if (!(await isAsListed(bytes, entry, file, map.algorithm))) wrong.push(name);
  }
  wrong.push(...listed.keys());
  if (wrong.length === 0) return [];
  const shown = wrong.slice(0, SHOWN).join(", ");
  const message = `The block map and the package differ in ${wrong.length} of their files: ${shown}${wrong.length > SHOWN ? ", …" : ""}.`;
  const details = { names: wrong.slice(0, SHOWN), count: wrong.length };
  return [finding("validation.block_map_mismatch", message, details, wrong[0])];
}

/** Names in the archive are percent-encoded, as the Open Packaging Conventions want it. */
export function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

async function isAsListed(
  bytes: RandomAccess,
  entry: ZipEntry,
  { sizeBytes, blocks }: ListedFile,
  algorithm: string,
): Promise<boolean> {
  if (entry.sizeBytes !== sizeBytes || blocks.length !== Math.ceil(sizeBytes / BLOCK_BYTES)) return false;
  try {
    let index = 0;
    for await (const block of blocksOf(entryChunks(bytes, entry))) {
      if (hash(algorithm, block, "base64") !== blocks[index]) return false;
      index += 1;
    }
    return index === blocks.length;
  } catch (error) {
    if (error instanceof UnreadableError && error.reason !== "limit") return false;
    throw error;
  }
}

async function* blocksOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const block = Buffer.alloc(BLOCK_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const length = Math.min(BLOCK_BYTES - filled, chunk.length - at);
      block.set(chunk.subarray(at, at + length), filled);
      filled += length;
      at += length;
      if (filled < BLOCK_BYTES) continue;
      yield block;
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** The digest of a whole stream. */
export async function digestOfChunks(chunks: AsyncIterable<Uint8Array>, algorithm: string): Promise<Buffer> {
  const digest = createHash(algorithm);
  for await (const chunk of chunks) digest.update(chunk);
  return digest.digest();
}
