import type { X509Certificate } from "node:crypto";

import { readBer, tags } from "../cms/ber.ts";
import { octetsOf } from "../cms/ber-values.ts";
import { type CmsSigner, readSignedData } from "../cms/signed-data.ts";
import { readTimestamps } from "../cms/timestamp.ts";
import type { CodeDirectory } from "../macho/code-directory.ts";
import type { CodeSignature } from "../macho/code-signature.ts";
import { UnreadableError } from "../unreadable.ts";
import { leadsTo, type TrustedRoots } from "./apple-roots.ts";
import { type CertificateKind, certificateKind, certificateTeam } from "./developer-certificate.ts";
import { readPlistDict } from "./plist.ts";
import { listAt } from "./plist-value.ts";

/** Attributes in which Apple's signatures name every CodeDirectory: cut digests in a property list, and whole ones. */
const CDHASHES_PLIST = "1.2.840.113635.100.9.1";
const CDHASHES = "1.2.840.113635.100.9.2";

/** Who signed a program. */
export interface CodeSigner {
  readonly certificate: X509Certificate | null;
  readonly chain: readonly X509Certificate[];
  /** True when the chain leads to one of the roots, so that what the certificate says is Apple's word. */
  readonly isTrusted: boolean;
  /** Null when the chain is not trusted, or Apple has not marked it. */
  readonly kind: CertificateKind | null;
  /** The team that the certificate, or, where Apple's store signed, the program names. Null when the chain is not trusted. */
  readonly team: string | null;
  readonly signingTime: Date | null;
  /** When it was signed, by the word of a time stamp that leads to one of the roots; null without. */
  readonly stampedAt: Date | null;
  /** Why the signature does not hold; empty when it does. */
  readonly problems: readonly string[];
}

/** Verifies the signed message of a program's signature; null when it has none. Throws `UnreadableError` for one that is none. */
export async function readCodeSigner(
  signature: CodeSignature,
  roots: TrustedRoots,
): Promise<CodeSigner | null> {
  if (signature.cms === null) return null;
  const { signers, certificates } = await readSignedData(signature.cms, signature.signedDirectory.blob);
  const signer = signers[0];
  if (signer === undefined) return null;
  const isTrusted = leadsTo(roots, signer.chain);
  const kind = isTrusted && signer.certificate !== null ? certificateKind(signer.certificate) : null;
  const named = signature.signedDirectory.team;
  const own = isTrusted && signer.certificate !== null ? certificateTeam(signer.certificate) : null;
  const problems = signer.problem === null ? directoryProblems(signature, signer) : [signer.problem];
  // What Apple's store delivers is signed by Apple for the team that the program names.
  if (kind !== "store" && own !== null && named !== null && named !== own) {
    problems.push(`The program names team ${named}, and its certificate is team ${own}'s.`);
  }
  return {
    certificate: signer.certificate,
    chain: signer.chain,
    isTrusted,
    kind,
    team: kind === "store" ? named : own,
    signingTime: signer.signingTime,
    stampedAt: await stampedAt(signer, certificates, roots),
    problems,
  };
}

/** A stamp that cannot be read is none. */
async function stampedAt(
  signer: CmsSigner,
  certificates: readonly X509Certificate[],
  roots: TrustedRoots,
): Promise<Date | null> {
  try {
    const stamps = await readTimestamps(signer, certificates);
    return stamps.find((stamp) => stamp.verified && leadsTo(roots, stamp.chain))?.time ?? null;
  } catch (error) {
    if (error instanceof UnreadableError) return null;
    throw error;
  }
}

/** The message is over the first CodeDirectory; the others count only because its attributes name them. */
function directoryProblems({ directories, signedDirectory }: CodeSignature, signer: CmsSigner): string[] {
  const cut = cutDigests(signer);
  const whole = wholeDigests(signer);
  const isCovered = (directory: CodeDirectory) =>
    cut === null && whole === null
      ? directory === signedDirectory
      : cut?.has(directory.cdhash) !== false && whole?.has(directory.digest.toString("hex")) !== false;
  return directories
    .filter((directory) => !isCovered(directory))
    .map(({ cdhash }) => `The signature is not over the CodeDirectory ${cdhash}.`);
}

/** `{"cdhashes": [<20 bytes>, …]}`; null when the attribute is not there. */
function cutDigests({ signedAttributes }: CmsSigner): Set<string> | null {
  const [value] = signedAttributes.get(CDHASHES_PLIST) ?? [];
  if (value === undefined) return null;
  const hashes = listAt(readPlistDict(octetsOf(readBer(value)), "signature"), "cdhashes");
  return new Set(hashes.flatMap((hash) => (Buffer.isBuffer(hash) ? [hash.toString("hex")] : [])));
}

/** `SEQUENCE { algorithm, OCTET STRING }` for each. */
function wholeDigests({ signedAttributes }: CmsSigner): Set<string> | null {
  const values = signedAttributes.get(CDHASHES);
  if (values === undefined) return null;
  const digests = values.flatMap((value) => readBer(value).expect(tags.sequence).children().slice(1, 2));
  return new Set(digests.map((digest) => octetsOf(digest).toString("hex")));
}
