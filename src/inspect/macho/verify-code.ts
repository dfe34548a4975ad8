import { createHash, hash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { type CodeDirectory, codeDigest, specialDigest } from "./code-directory.ts";
import { type CodeSignature, slots } from "./code-signature.ts";
import type { MachOSlice } from "./read-macho.ts";

/** A multiple of every page size that is read. */
const READ_BYTES = 1024 * 1024;
/** So many pages are named. */
const SHOWN_PAGES = 3;

/** What is signed, and where its signature stands in it: of a program, or of a disk image, which is signed as one. */
export type SignedRange = Pick<MachOSlice, "offset" | "sizeBytes" | "signature">;

/** What belongs to a program and stands beside it. Null when it is not there; undefined when it is not to be compared. */
export interface CodeSurroundings {
  readonly infoPlist?: Buffer | null | undefined;
  readonly codeResources?: Buffer | null | undefined;
}

/**
 * Why a signature does not hold for what is at hand without a pass over the program: what it does not cover, and parts and files
 * that differ from their digests. Empty when all of it holds.
 */
export function sealProblems(
  slice: SignedRange,
  signature: CodeSignature,
  { infoPlist, codeResources }: CodeSurroundings,
): string[] {
  const problems: string[] = [];
  for (const directory of signature.directories) {
    problems.push(...coverProblems(slice, directory));
    const compare = (slot: number, content: Buffer | null | undefined, what: string) => {
      if (content === undefined) return;
      const digest = specialDigest(directory, slot);
      if (digest === null && content !== null) problems.push(`The signature does not cover ${what}.`);
      else if (digest !== null && content === null)
        problems.push(`The signature covers ${what}, which is missing.`);
      else if (digest !== null && content !== null && !codeDigest(directory, content).equals(digest)) {
        problems.push(`${capital(what)} differs from what was signed.`);
      }
    };
    compare(slots.infoPlist, infoPlist, "Info.plist");
    compare(slots.codeResources, codeResources, "_CodeSignature/CodeResources");
    for (const [slot, what] of partNames) compare(slot, signature.parts.get(slot) ?? null, what);
  }
  return [...new Set(problems)];
}

const partNames = [
  [slots.requirements, "the requirements"],
  [slots.entitlements, "the entitlements"],
  [slots.entitlementsDer, "the entitlements in DER"],
] as const;

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The pages have to be all that comes before the signature, and the signature the last thing, or else there is room for more. */
function coverProblems(
  slice: SignedRange,
  { codeLimit, pageBytes, pageDigests, hash: { sizeBytes } }: CodeDirectory,
): string[] {
  const signature = slice.signature!;
  if (codeLimit !== signature.offset) {
    return [
      `The signature covers ${codeLimit} bytes of the program, and ${signature.offset} stand before it.`,
    ];
  }
  const pages = pageBytes === null ? Math.min(1, codeLimit) : Math.ceil(codeLimit / pageBytes);
  if (pageDigests.length !== pages * sizeBytes) {
    return [`The signature has ${pageDigests.length / sizeBytes} digests for the program's ${pages} pages.`];
  }
  const end = signature.offset + signature.sizeBytes;
  return end === slice.sizeBytes ? [] : [`${slice.sizeBytes - end} bytes follow the signature.`];
}

/**
 * Why the program's pages do not hold: those that differ from their digests. Reads the program once, for all of the signature's
 * CodeDirectories. Throws `UnreadableError` when it ends early.
 */
export async function pageProblems(
  bytes: RandomAccess,
  slice: SignedRange,
  { directories }: CodeSignature,
  where: string,
): Promise<string[]> {
  const checks = directories.map((directory) =>
    directory.pageBytes === null ? new WholeCheck(directory) : new PageCheck(directory, directory.pageBytes),
  );
  const limit = Math.min(slice.signature!.offset, slice.sizeBytes);
  for (let offset = 0; offset < limit; offset += READ_BYTES) {
    const chunk = await readExactly(bytes, slice.offset + offset, Math.min(READ_BYTES, limit - offset));
    if (!chunk) throw new UnreadableError("truncated", `${where} ends within its program.`, where);
    for (const check of checks) check.take(chunk);
  }
  return [...new Set(checks.flatMap((check) => check.problems()))];
}

class PageCheck {
  readonly #directory: CodeDirectory;
  readonly #pageBytes: number;
  readonly #differing: number[] = [];
  #count = 0;
  #page = 0;

  constructor(directory: CodeDirectory, pageBytes: number) {
    this.#directory = directory;
    this.#pageBytes = pageBytes;
  }

  take(chunk: Buffer): void {
    const { hash: kind, pageDigests } = this.#directory;
    for (let at = 0; at < chunk.length; at += this.#pageBytes) {
      const digest = hash(kind.name, chunk.subarray(at, at + this.#pageBytes), "buffer");
      const place = this.#page * kind.sizeBytes;
      if (!digest.subarray(0, kind.sizeBytes).equals(pageDigests.subarray(place, place + kind.sizeBytes))) {
        this.#count += 1;
        if (this.#differing.length < SHOWN_PAGES) this.#differing.push(this.#page);
      }
      this.#page += 1;
    }
  }

  problems(): string[] {
    if (this.#count === 0) return [];
    const shown = this.#differing.map((page) => `0x${(page * this.#pageBytes).toString(16)}`).join(", ");
    const more = this.#count > this.#differing.length ? " and others" : "";
    return [`${this.#count} of the program's pages differ from what was signed, at ${shown}${more}.`];
  }
}

class WholeCheck {
  readonly #directory: CodeDirectory;
  readonly #hasher;

  constructor(directory: CodeDirectory) {
    this.#directory = directory;
    this.#hasher = createHash(directory.hash.name);
  }

  take(chunk: Buffer): void {
    this.#hasher.update(chunk);
  }

  problems(): string[] {
    const { hash: kind, pageDigests } = this.#directory;
    const digest = this.#hasher.digest().subarray(0, kind.sizeBytes);
    return digest.equals(pageDigests) ? [] : ["The program differs from what was signed."];
  }
}
