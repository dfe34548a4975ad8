import type { X509Certificate } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { type CertificateFacts, certificateFacts, timeText } from "../cms/certificate-facts.ts";
import { expiryFindings } from "../cms/expiry.ts";
import { subjectName } from "../cms/subject.ts";
import { readExactly } from "../bytes.ts";
import { finding } from "../findings.ts";
import type { Finding, InspectOptions, Signer } from "../inspection.ts";
import { type CodeSignature, MAX_SIGNATURE_BYTES, readCodeSignature } from "../macho/code-signature.ts";
import { type MachOSlice, readMachO } from "../macho/read-macho.ts";
import { type CodeSurroundings, pageProblems, sealProblems } from "../macho/verify-code.ts";
import { readPart, UnreadableError } from "../unreadable.ts";
import { appleRoots, type TrustedRoots } from "./apple-roots.ts";
import { type CodeSigner, readCodeSigner } from "./code-signer.ts";
import { differingKeys, readEntitlements } from "./entitlements.ts";
import { readPlistDict } from "./plist.ts";
import { plistJson } from "./plist-json.ts";
import type { PlistDict } from "./plist-value.ts";

/** A property list inside a program; those beside one have some ten KiB. */
const MAX_INFO_BYTES = 1024 * 1024;

export interface CodeOptions extends InspectOptions {
  /** The program's path inside the artifact, for findings. */
  readonly where: string;
  /** Absent for a program that stands alone: its Info.plist is then the one inside it, and it has no other files. */
  readonly surroundings?: CodeSurroundings;
  /** True leaves signatures alone. */
  readonly headersOnly?: boolean;
  /** Apple's when absent. */
  readonly roots?: TrustedRoots | undefined;
}

/** What is to be said about one program of a Mach-O file. */
export interface ProgramReport {
  readonly slice: MachOSlice;
  /** Null for one that is not signed, or whose signature cannot be read. */
  readonly signature: CodeSignature | null;
  /** Null where nobody signed: an ad-hoc signature has no certificate. */
  readonly signer: CodeSigner | null;
  /** Why the signature does not hold; empty when it does, as far as `verify` had it looked at. */
  readonly problems: readonly string[];
}

/** What is to be said about a Mach-O file. */
export interface CodeReport {
  readonly programs: readonly ProgramReport[];
  /** Those of the first signed program. */
  readonly entitlements: PlistDict | null;
  /** The property list inside the first program, where it stands alone. */
  readonly ownInfo: PlistDict | null;
  readonly signers: readonly Signer[];
  readonly findings: readonly Finding[];
}

/**
 * Looks at a Mach-O file: processors, platform, signature. With `verify` the pages of every program are held against their digests: one
 * pass over the file. Throws `UnreadableError` when it is no Mach-O file.
 */
export async function inspectCode(bytes: RandomAccess, options: CodeOptions): Promise<CodeReport> {
  const { where, nowMs } = options;
  const findings: Finding[] = [];
  const slices = await readMachO(bytes, where);
  // All headers and signatures first, then all pages: a packed file is unpacked twice at most.
  const read: Array<ProgramReport & { problems: string[] }> = [];
  let ownInfo: PlistDict | null = null;
  for (const slice of slices) {
    const surroundings =
      options.surroundings ?? (await readPart(findings, () => ownSurroundings(bytes, slice, where))) ?? {};
    const own = options.surroundings === undefined ? surroundings.infoPlist : undefined;
    if (own) ownInfo ??= (await readPart(findings, () => readPlistDict(own, where))) ?? null;
    const signature = options.headersOnly
      ? null
      : ((await readPart(findings, () => signatureOf(bytes, slice, where))) ?? null);
    const problems = signature === null ? [] : sealProblems(slice, signature, surroundings);
    const signer =
      signature === null
        ? null
        : ((await readPart(findings, () => readCodeSigner(signature, options.roots ?? appleRoots()))) ??
          null);
    problems.push(...(signer?.problems ?? []));
    // Damaging a signature must not do less than changing what it is over.
    if (isDamaged(slice, signature, signer, findings.at(-1))) problems.push("It cannot be read.");
    read.push({ slice, signature, signer, problems });
  }
  if (options.verify) {
    for (const { slice, signature, problems } of read) {
      if (signature === null) continue;
      problems.push(
        ...((await readPart(findings, () => pageProblems(bytes, slice, signature, where))) ?? []),
      );
    }
  }
  const entitlements = await entitlementsOf(read, findings, where);
  findings.push(...signatureFindings(read, where), ...certificateFindings(read, nowMs, where));
  return { programs: read, entitlements, ownInfo, signers: signersOf(read, options.verify), findings };
}

function isDamaged(
  slice: MachOSlice,
  signature: CodeSignature | null,
  signer: CodeSigner | null,
  last: Finding | undefined,
): boolean {
  const isMissing = signature === null ? slice.signature !== null : signature.cms !== null && signer === null;
  return isMissing && last?.code === "validation.damaged";
}

async function signatureOf(
  bytes: RandomAccess,
  slice: MachOSlice,
  where: string,
): Promise<CodeSignature | null> {
  if (slice.signature === null) return null;
  const { offset, sizeBytes } = slice.signature;
  if (sizeBytes > MAX_SIGNATURE_BYTES) {
    throw new UnreadableError(
      "limit",
      `${where} has a signature of ${sizeBytes} bytes; ${MAX_SIGNATURE_BYTES} are read.`,
      where,
    );
  }
  const content =
    offset + sizeBytes <= slice.sizeBytes
      ? await readExactly(bytes, slice.offset + offset, sizeBytes)
      : undefined;
  if (!content) throw new UnreadableError("damaged", `${where} ends within its signature.`, where);
  return readCodeSignature(content, where);
}

async function ownSurroundings(
  bytes: RandomAccess,
  slice: MachOSlice,
  where: string,
): Promise<CodeSurroundings> {
  return { infoPlist: await readOwnInfoPlist(bytes, slice, where), codeResources: null };
}

/** The property list inside a program that stands alone; null when it has none. Throws `UnreadableError`. */
async function readOwnInfoPlist(
  bytes: RandomAccess,
  { infoPlist, offset, sizeBytes }: MachOSlice,
  where: string,
): Promise<Buffer | null> {
  if (infoPlist === null) return null;
  const isInside =
    infoPlist.sizeBytes <= MAX_INFO_BYTES && infoPlist.offset + infoPlist.sizeBytes <= sizeBytes;
  const content = isInside && (await readExactly(bytes, offset + infoPlist.offset, infoPlist.sizeBytes));
  if (content) return content;
  throw new UnreadableError("damaged", `${where} names an Info.plist that it does not have.`, where);
}

async function entitlementsOf(
  programs: readonly ProgramReport[],
  findings: Finding[],
  where: string,
): Promise<PlistDict | null> {
  const signature = programs.find((program) => program.signature !== null)?.signature;
  if (!signature) return null;
  const both = await readPart(findings, () => readEntitlements(signature));
  if (!both) return null;
  const { xml, der } = both;
  const differing = xml !== null && der !== null ? differingKeys(xml, der) : [];
  if (differing.length > 0) {
    const message = `The entitlements in XML and in DER differ in ${differing.slice(0, 5).join(", ")}: older and newer systems give the app different rights.`;
    findings.push(
      finding("validation.entitlements_differ", message, { keys: differing.slice(0, 20) }, where),
    );
  }
  return der ?? xml;
}

function signatureFindings(programs: readonly ProgramReport[], where: string): Finding[] {
  return programs.flatMap(({ slice, problems }) =>
    problems.length === 0
      ? []
      : [
          finding(
            "validation.code_signature_invalid",
            `The signature of the program for ${slice.cpu} does not hold. ${problems.join(" ")}`,
            { arch: slice.cpu, problems },
            where,
          ),
        ],
  );
}

/** What the certificates are, one finding for all programs that it is the same for. */
function certificateFindings(programs: readonly ProgramReport[], nowMs: number, where: string): Finding[] {
  const signers = distinctSigners(programs);
  return signers.flatMap((signer) => {
    const { certificate, isTrusted } = signer;
    if (certificate === null) return [];
    // A Developer ID's signature outlasts its certificate when a time stamp proves that it was made before.
    const outlasts = signer.kind === "developer_id" && isWithin(certificate, signer.stampedAt);
    const foreign = `The certificate of ${subjectName(certificate)} was not issued by Apple: it says nothing about who signed, and devices refuse it.`;
    return [
      ...(isTrusted ? [] : [finding("validation.signer_not_apple", foreign, undefined, where)]),
      ...(outlasts ? [] : expiryFindings(certificate, nowMs, where)),
    ];
  });
}

function isWithin({ validFromDate, validToDate }: X509Certificate, time: Date | null): boolean {
  return time !== null && validFromDate <= time && time <= validToDate;
}

/** One of each certificate. */
function distinctSigners(programs: readonly ProgramReport[]): CodeSigner[] {
  const byCertificate = new Map<string | undefined, CodeSigner>();
  for (const { signer } of programs) {
    if (signer !== null) byCertificate.set(signer.certificate?.fingerprint256, signer);
  }
  return [...byCertificate.values()];
}

/**
 * A file is as trustworthy as its weakest program: a signer counts as verified only when all programs are signed and hold. A
 * certificate that is not Apple's names no team, so that nobody can pose as one: its digest stands instead.
 */
function signersOf(programs: readonly ProgramReport[], verify: boolean): Signer[] {
  const isSound = programs.every(({ signer, problems }) => signer !== null && problems.length === 0);
  return distinctSigners(programs).map(({ certificate, team }) => ({
    kind: "apple_team",
    id: team ?? certificate?.fingerprint256.replaceAll(":", "").toLowerCase() ?? "unknown",
    name: certificate === null ? "unknown" : subjectName(certificate),
    lineage: [],
    verified: verify && isSound,
    expires_at: certificate === null ? null : timeText(certificate.validToDate),
  }));
}

/** The facts about a Mach-O file that all formats show alike. */
export function codeFacts({ programs, entitlements }: CodeReport, verify: boolean): Record<string, unknown> {
  const [first] = programs;
  return {
    architectures: programs.map(({ slice }) => slice.cpu),
    platform: first?.slice.platform ?? null,
    sdk: first?.slice.sdk ?? null,
    encrypted: programs.some(({ slice }) => slice.isEncrypted),
    signatures: programs.flatMap((program) => signatureFacts(program, verify)),
    certificates: chainFacts(programs),
    entitlements: entitlements === null ? null : plistJson(entitlements),
  };
}

function signatureFacts({ slice, signature, signer, problems }: ProgramReport, verify: boolean): unknown[] {
  if (signature === null) return [];
  const [{ identifier, team, flags, hash, cdhash }] = signature.directories;
  return [
    {
      scheme: signature.cms === null ? "code_ad_hoc" : "code",
      verified: verify && problems.length === 0,
      arch: slice.cpu,
      identifier,
      team,
      flags,
      digests: [...new Set(signature.directories.map((directory) => directory.hash.name))],
      digest: hash.name,
      cdhash,
      signed_at: (signer?.stampedAt ?? signer?.signingTime)?.toISOString() ?? null,
      timestamp: signer?.stampedAt?.toISOString() ?? null,
    },
  ];
}

function chainFacts(programs: readonly ProgramReport[]): CertificateFacts[] {
  const chain = programs.find(({ signer }) => signer !== null)?.signer?.chain ?? [];
  return chain.map(certificateFacts);
}

/** True when every program has the hardened runtime. */
export function isHardened({ programs }: CodeReport): boolean {
  return programs.every(({ signature }) => signature?.directories[0].flags.includes("runtime") === true);
}
