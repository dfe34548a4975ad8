import type { RandomAccess } from "../../base/random-access.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ZipDirectory } from "../zip/zip-directory.ts";
import { contentDigests } from "./content-digests.ts";
import { readSchemeBlock } from "./scheme-block.ts";
import { schemeProblem } from "./scheme-rules.ts";
import type { BlockScheme, SchemeSignature, SchemeSigner } from "./scheme-signature.ts";
import type { ContentDigest } from "./signature-algorithms.ts";
import { blockIds, type SigningBlock } from "./signing-block.ts";

/** API levels from which on Android looks at a scheme. */
const sinceSdk: Readonly<Record<BlockScheme, number>> = { v2: 24, v3: 28, "v3.1": 33 };
/** Signatures over fs-verity's digest ask for a signing block in pages of its own. */
const PAGE_BYTES = 4096;

/**
 * Reads the signatures of schemes v2, v3 and v3.1 that some Android from `minSdk` on looks at: each looks at the newest scheme that it knows,
 * and at no other when it finds that. With `verify` they are verified over all of the file, which is read once. Throws `UnreadableError`
 * (`limit`); raises what reading the file raises.
 */
export async function verifySchemes(
  bytes: RandomAccess,
  directory: ZipDirectory,
  block: SigningBlock,
  minSdk: number,
  verify: boolean,
): Promise<readonly SchemeSignature[]> {
  const read = readSchemes(block, minSdk);
  if (!verify || read.some(({ problem }) => problem !== null)) return read;
  const wanted = new Set(read.flatMap(({ signers }) => signers.flatMap(({ decisive }) => decisive)));
  if (wanted.has("verity-sha256") && !isInPages(block)) {
    return read.map((one) => withProblem(one, "the signing block is not in pages of its own"));
  }
  const actual = await contentDigests(bytes, directory, block.offset, wanted);
  return read.map((one) =>
    isContentOf(one.signers, actual)
      ? { ...one, verified: true }
      : withProblem(one, "the file was changed after it was signed"),
  );
}

function readSchemes(block: SigningBlock, minSdk: number): readonly SchemeSignature[] {
  const found: SchemeSignature[] = [];
  const v31 = block.blocks.get(blockIds.v31);
  if (v31) found.push(readScheme("v3.1", v31, minSdk, found));
  const v3 = block.blocks.get(blockIds.v3);
  if (v3 && (minSdk < sinceSdk["v3.1"] || !v31)) found.push(readScheme("v3", v3, minSdk, found));
  if (v31 && !v3 && minSdk < sinceSdk["v3.1"]) {
    return found.map((one) => withProblem(one, "there is none of scheme v3 for Android before 13"));
  }
  const v2 = block.blocks.get(blockIds.v2);
  if (v2 && (minSdk < sinceSdk.v3 || found.length === 0)) found.push(readScheme("v2", v2, minSdk, found));
  return found;
}

function readScheme(
  scheme: BlockScheme,
  block: Buffer,
  minSdk: number,
  newer: readonly SchemeSignature[],
): SchemeSignature {
  const lowest = Math.max(minSdk, sinceSdk[scheme]);
  try {
    const signers = readSchemeBlock(block, scheme === "v2" ? "v2" : "v3", lowest);
    const { problem, isStripped } = schemeProblem(scheme, signers, lowest, newer);
    return { scheme, signers, problem, isStripped, verified: problem === null ? null : false };
  } catch (error) {
    if (!(error instanceof UnreadableError) || error.reason === "limit") throw error;
    return { scheme, signers: [], problem: "it cannot be read", isStripped: false, verified: false };
  }
}

function withProblem(signature: SchemeSignature, problem: string): SchemeSignature {
  return { ...signature, problem, verified: false };
}

function isInPages({ offset, endOffset }: SigningBlock): boolean {
  return offset % PAGE_BYTES === 0 && (endOffset - offset) % PAGE_BYTES === 0;
}

/** Every digest of a kind that is looked at for some signer has to be right. */
function isContentOf(signers: readonly SchemeSigner[], actual: ReadonlyMap<ContentDigest, Buffer>): boolean {
  const looked = new Set(signers.flatMap(({ decisive }) => decisive));
  const digests = signers.flatMap((signer) => signer.digests).filter(({ content }) => looked.has(content));
  return digests.every(({ content, digest }) => actual.get(content)?.equals(digest));
}
