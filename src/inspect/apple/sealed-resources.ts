import { createHash } from "node:crypto";

import type { FileTree, TreeFile } from "../file-tree.ts";
import { dictAt, isDict, type PlistDict, type PlistValue, textAt } from "./plist-value.ts";
import { ResourceRules } from "./resource-rules.ts";

/** A path is no longer. */
const MAX_LINK_BYTES = 4096;

/** How the files of a bundle differ from its seal; paths as the seal has them. */
export interface SealDifferences {
  readonly missing: readonly string[];
  readonly changed: readonly string[];
  readonly added: readonly string[];
}

export interface SealOptions {
  /** Where the seal's paths begin. */
  readonly base: string;
  /** Where the bundle begins: `base`, or for macOS the folder above, of which the seal says `../`. */
  readonly root: string;
  /** The main program, relative to `base`: its own signature covers it. */
  readonly program: string | null;
  /** False leaves out digests: only what is there and what is not is looked at. */
  readonly verify: boolean;
  /** For code that is sealed as a whole: true when what stands there is what the seal names. */
  isSealedCode(path: string, seal: PlistDict): Promise<boolean>;
}

/**
 * Holds a bundle's files against `_CodeSignature/CodeResources`: every file of `files2` (`files` in an old one) is there and has its
 * digest, and nothing else is there but what the rules leave out. Throws `UnreadableError` when the seal cannot be applied.
 */
export async function sealDifferences(
  tree: FileTree,
  seal: PlistDict,
  options: SealOptions,
): Promise<SealDifferences> {
  const files = seal.has("files2") ? dictAt(seal, "files2") : dictAt(seal, "files");
  const missing: string[] = [];
  const changed: string[] = [];
  for (const [path, value] of files) {
    const entry = isDict(value) ? value : null;
    if (entry?.has("cdhash") === true || entry?.has("requirement") === true) {
      if (options.verify && !(await options.isSealedCode(path, entry))) changed.push(path);
      continue;
    }
    const file = tree.get(join(options, path));
    if (file === undefined) {
      if (entry?.get("optional") !== true) missing.push(path);
    } else if (options.verify && !(await isAsSealed(file, value))) {
      changed.push(path);
    }
  }
  return { missing, changed, added: addedFiles(tree, seal, files, options) };
}

function join({ base, root }: SealOptions, path: string): string {
  return path.startsWith("../") && base !== root ? `${root}/${path.slice(3)}` : `${base}/${path}`;
}

/** `hash2` is a SHA-256, `hash` (or the bare value in an old seal) a SHA-1, `symlink` the target of a link. */
async function isAsSealed(file: TreeFile, value: PlistValue): Promise<boolean> {
  const entry = isDict(value) ? value : null;
  const target = entry === null ? null : textAt(entry, "symlink");
  if (target !== null || file.linkTarget !== null)
    return target !== null && (await linkTarget(file)) === target;
  const [name, digest] = entry?.has("hash2")
    ? (["sha256", entry.get("hash2")] as const)
    : (["sha1", entry?.get("hash") ?? value] as const);
  if (!Buffer.isBuffer(digest)) return false;
  const hasher = createHash(name);
  for await (const chunk of file.chunks()) hasher.update(chunk);
  return hasher.digest().equals(digest);
}

/** What a link points at; null for a regular file. In a zip archive it is the content. Throws `UnreadableError`. */
export async function linkTarget(file: TreeFile): Promise<string | null> {
  if (file.linkTarget !== "") return file.linkTarget;
  return (await file.read(MAX_LINK_BYTES)).toString("utf8");
}

function addedFiles(
  tree: FileTree,
  seal: PlistDict,
  files: PlistDict,
  { base, root, program }: SealOptions,
): string[] {
  const rules = new ResourceRules(seal);
  const added: string[] = [];
  for (const full of tree.keys()) {
    if (!full.startsWith(`${root}/`)) continue;
    const path = full.startsWith(`${base}/`)
      ? full.slice(base.length + 1)
      : `../${full.slice(root.length + 1)}`;
    if (path === program || files.has(path) || isExempt(path) || isInSealedCode(path, files)) continue;
    if (!rules.leavesOut(path)) added.push(path);
  }
  return added;
}

/** The signature itself, a notarization ticket, receipts and keys that Apple's stores add, and what Finder leaves. */
function isExempt(path: string): boolean {
  return (
    path === "CodeResources" ||
    ["_CodeSignature/", "_MASReceipt/", "SC_Info/"].some((folder) => path.startsWith(folder)) ||
    path === ".DS_Store" ||
    path.endsWith("/.DS_Store")
  );
}

/** Code that is sealed as a whole has a seal of its own for what is in it. */
function isInSealedCode(path: string, files: PlistDict): boolean {
  for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
    const entry = files.get(path.slice(0, end));
    if (isDict(entry) && (entry.has("cdhash") || entry.has("requirement"))) return true;
  }
  return false;
}
