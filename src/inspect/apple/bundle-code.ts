import type { FileTree } from "../file-tree.ts";
import { finding } from "../findings.ts";
import type { Finding, InspectOptions } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import type { TrustedRoots } from "./apple-roots.ts";
import { bundleInfo } from "./bundle-info.ts";
import type { BundleLayout } from "./bundle-layout.ts";
import type { CodeReport } from "./inspect-code.ts";
import { inspectProgram } from "./inspect-program.ts";
import { readPlistDict } from "./plist.ts";
import { type PlistDict, textAt } from "./plist-value.ts";
import { type SealDifferences, sealDifferences } from "./sealed-resources.ts";

/** Info.plist of a large app has some ten KiB. */
const MAX_INFO_BYTES = 4 * 1024 * 1024;
/** An app with 50,000 files has 15 MiB. */
const MAX_SEAL_BYTES = 32 * 1024 * 1024;
/** So many files are named. */
const SHOWN = 5;

export interface BundleCodeOptions extends InspectOptions {
  readonly roots?: TrustedRoots | undefined;
}

/** A bundle's Info.plist and its main program, held against each other and against the bundle's seal. */
export interface BundleCode {
  readonly info: PlistDict | null;
  /** Null when there is no main program, or it cannot be read. */
  readonly report: CodeReport | null;
  /** True when the signature holds over the program, Info.plist and all sealed files, and all of them were looked at. */
  readonly isSound: boolean;
}

/** Code of its own inside a bundle. */
export interface NestedCode {
  readonly path: string;
  /** Its folder's ending: `framework`, `appex`, `app`, `xpc`, … */
  readonly kind: string;
  readonly identifier: string | null;
  readonly version: string | null;
  readonly team: string | null;
  /** Null when it was not opened. */
  readonly code: BundleCode | null;
}

/** What says that a part could not be looked at. */
const unreadableCodes = new Set([
  "validation.damaged",
  "validation.limit",
  "validation.unsupported",
  "validation.truncated",
]);

/** Reads and, with `verify`, verifies one bundle without what is nested in it, which `nested` has by path. */
export async function inspectBundleCode(
  tree: FileTree,
  layout: BundleLayout,
  nested: ReadonlyMap<string, NestedCode>,
  options: BundleCodeOptions,
  findings: Finding[],
): Promise<BundleCode> {
  const { base, infoPath, programFolder } = layout;
  const own: Finding[] = [];
  const infoBytes = await readPart(own, () => tree.get(infoPath)!.read(MAX_INFO_BYTES));
  const info = infoBytes && (await readPart(own, () => readPlistDict(infoBytes, infoPath)));
  const sealFile = tree.get(`${base}/_CodeSignature/CodeResources`);
  const seal = sealFile && (await readPart(own, () => sealFile.read(MAX_SEAL_BYTES)));
  const executable = info === undefined ? null : bundleInfo(info).executable;
  const program = executable === null ? null : `${programFolder}${executable}`;
  const file = program === null ? undefined : tree.get(`${base}/${program}`);
  if (info !== undefined && file === undefined && layout.programFolder === "MacOS/") {
    own.push(
      finding(
        "validation.damaged",
        `${base} has no program ${program ?? ""} where Info.plist names one.`,
        undefined,
        infoPath,
      ),
    );
  }
  // What could not be read is not held against the signature: that it could not be read has been said.
  const surroundings = { infoPlist: infoBytes, codeResources: sealFile === undefined ? null : seal };
  const report = file && (await readPart(own, () => inspectProgram(file, { ...options, surroundings }, own)));
  if (report) own.push(...report.findings);
  const isSigned = report?.programs.some(({ signature }) => signature !== null) === true;
  const isWhole = report?.programs.every(
    ({ signature, problems }) => signature !== null && problems.length === 0,
  );
  if (seal && isSigned) {
    own.push(
      ...((await readPart(own, () => sealFindings(tree, seal, layout, program, nested, options))) ?? []),
    );
  }
  findings.push(...own);
  return {
    info: info ?? null,
    report: report ?? null,
    isSound:
      options.verify &&
      isWhole === true &&
      !own.some(({ severity, code }) => severity === "error" || unreadableCodes.has(code)),
  };
}

async function sealFindings(
  tree: FileTree,
  bytes: Buffer,
  { base, root }: BundleLayout,
  program: string | null,
  nested: ReadonlyMap<string, NestedCode>,
  options: BundleCodeOptions,
): Promise<Finding[]> {
  const where = `${base}/_CodeSignature/CodeResources`;
  const differences = await sealDifferences(tree, readPlistDict(bytes, where), {
    base,
    root,
    program,
    verify: options.verify,
    isSealedCode: (path, entry) => isSealedCode(tree, `${base}/${path}`, entry, nested, options),
  });
  const texts = (Object.keys(seals) as Array<keyof SealDifferences>).flatMap((kind) => {
    const paths = differences[kind];
    const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : "";
    return paths.length === 0 ? [] : [`${seals[kind]}: ${paths.slice(0, SHOWN).join(", ")}${more}.`];
  });
  if (texts.length === 0) return [];
  const details = Object.fromEntries(
    Object.entries(differences).map(([kind, paths]) => [kind, (paths as readonly string[]).slice(0, 20)]),
  );
  return [
    finding(
      "validation.code_signature_invalid",
      `The files of the bundle are not those that were signed. ${texts.join(" ")}`,
      details,
      where,
    ),
  ];
}

const seals = { missing: "Missing", changed: "Changed", added: "Added" } as const;

/**
 * Code that is sealed by its CodeDirectory's digest. Like Apple's, this takes another version too when the seal's requirement names
 * it: the same identifier and team, and a signature that holds.
 */
async function isSealedCode(
  tree: FileTree,
  path: string,
  seal: PlistDict,
  nested: ReadonlyMap<string, NestedCode>,
  options: BundleCodeOptions,
): Promise<boolean> {
  const bundle = nested.get(path)?.code;
  if (bundle?.isSound === false) return false;
  const report = bundle?.report ?? (await programAt(tree, path, options));
  if (!report?.programs.every(({ signature, problems }) => signature !== null && problems.length === 0))
    return false;
  const cdhash = seal.get("cdhash");
  const directories = report.programs.flatMap(({ signature }) => signature?.directories ?? []);
  if (Buffer.isBuffer(cdhash) && directories.some((one) => one.cdhash === cdhash.toString("hex")))
    return true;
  const requirement = textAt(seal, "requirement") ?? "";
  return report.programs.every(
    ({ signature, signer }) =>
      signature !== null &&
      signer?.team != null &&
      names(requirement, signature.directories[0].identifier) &&
      names(requirement, signer.team),
  );
}

function names(requirement: string, value: string): boolean {
  return requirement.split(/[\s()]+/).some((word) => word === value || word === `"${value}"`);
}

/** A program that stands alone: a library, a command-line tool. */
async function programAt(
  tree: FileTree,
  path: string,
  options: BundleCodeOptions,
): Promise<CodeReport | null> {
  const file = tree.get(path);
  // What is wrong with it is told by the seal that it does not fit.
  return file === undefined ? null : await inspectProgram(file, options, []);
}
