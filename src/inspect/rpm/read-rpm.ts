import { archDamaged, archRead, type ArchReading, archUnavailable } from "../arch-reading.ts";
import { finding } from "../findings.ts";
import { type FormatReader, noIdentity } from "../format-reader.ts";
import type { Arch, Finding } from "../inspection.ts";
import { signatureFacts, signersOf } from "../openpgp/openpgp-signature.ts";
import { readUpTo } from "../bytes.ts";
import { readWhole, UnreadableError, unreadableFinding } from "../unreadable.ts";
import { type RpmDigest, verifyDigests } from "./rpm-digests.ts";
import { rpmFacts } from "./rpm-facts.ts";
import { RpmHeader } from "./rpm-header.ts";
import { readRpmSignatures } from "./rpm-signatures.ts";
import { mainTags, signatureTags } from "./rpm-tags.ts";

/** The lead, which says little and that twice: rpm itself only looks at its first bytes. */
const LEAD_BYTES = 96;

const archByRpmName: ReadonlyMap<string, Arch> = new Map([
  ["noarch", "universal"],
  ["i386", "x86"],
  ["i486", "x86"],
  ["i586", "x86"],
  ["i686", "x86"],
  ["x86_64", "x86_64"],
  ["aarch64", "arm64"],
  ["armv7l", "armv7"],
  ["armv7hl", "armv7"],
  ["armv7hnl", "armv7"],
  ["riscv64", "riscv64"],
]);

/**
 * An rpm package: a lead of 96 bytes, the signature header padded to 8 bytes, the main header, the payload. Facts: what the main header
 * says (`rpmFacts`), `signatures` (named, not verified: the key is not in the file); with `verify` also `digests`.
 */
export const readRpm: FormatReader = async ({ bytes, verify }) => {
  const findings: Finding[] = [];
  const headers = await readHeaders(bytes, findings);
  if ("arch" in headers) return { facts: {}, identity: noIdentity, findings, arch: headers.arch };
  const { signature, main } = headers;
  const facts = await rpmFacts(main);
  const signatures = await readRpmSignatures(signature, findings);
  if (signatures.length === 0) {
    findings.push(
      finding("validation.unsigned", "The package is not signed; rpm and dnf refuse it by default."),
    );
  }
  findings.push(...(await sizeFindings(bytes.sizeBytes, signature, main)));
  const digests = verify ? await verifyDigests(bytes, signature, main) : undefined;
  findings.push(...digestFindings(digests ?? []));
  const text = (name: string) => (typeof facts[name] === "string" ? facts[name] : null);
  return {
    facts: {
      ...facts,
      ...(digests && { digests }),
      signatures: signatures.map((one) => signatureFacts(one.scheme, one.signature)),
    },
    identity: {
      ...noIdentity,
      id: text("name"),
      version: text("version"),
      build: text("release"),
      signers: signersOf(signatures.map((one) => one.signature)),
    },
    findings,
    arch: archOf(await main.text(mainTags.arch)),
  };
};

async function readHeaders(
  bytes: Parameters<FormatReader>[0]["bytes"],
  findings: Finding[],
): Promise<{ readonly signature: RpmHeader; readonly main: RpmHeader } | { readonly arch: ArchReading }> {
  try {
    return await readWhole(hasLead(await readUpTo(bytes, 0, LEAD_BYTES)), async () => {
      const signature = await RpmHeader.read(bytes, LEAD_BYTES, "signature header");
      const main = await RpmHeader.read(bytes, Math.ceil(signature.stop / 8) * 8, "package header");
      return { signature, main };
    });
  } catch (error) {
    findings.push(unreadableFinding(error));
    const { reason, message } = error as UnreadableError;
    return { arch: reason === "limit" ? archUnavailable(message) : archDamaged(message) };
  }
}

/** Behind the magic: version 3.0, and RPMSIGTYPE_HEADERSIG. */
function hasLead(lead: Buffer): boolean {
  return lead.length === LEAD_BYTES && lead[4] === 3 && lead.readUInt16BE(78) === 5;
}

function archOf(name: string | undefined): ArchReading {
  if (name === undefined || name === "") return archDamaged("The package header names no architecture.");
  return archRead(name, archByRpmName.get(name));
}

/** The signature header says how long what follows it is. */
async function sizeFindings(fileBytes: number, signature: RpmHeader, main: RpmHeader): Promise<Finding[]> {
  const stated =
    (await signature.number(signatureTags.longSize)) ?? (await signature.number(signatureTags.size));
  const found = fileBytes - main.start;
  if (stated === undefined || stated <= found) return [];
  const message = `The package ends after ${found} of the ${stated} bytes that its signature header states.`;
  return [unreadableFinding(new UnreadableError("truncated", message))];
}

function digestFindings(digests: readonly RpmDigest[]): Finding[] {
  const wrong = digests.filter(({ verified }) => !verified);
  if (wrong.length === 0) return [];
  const names = wrong.map(({ algorithm, covers }) => `${algorithm} of the ${covers}`);
  const message = `The package is not what its digests say: ${names.join(", ")}.`;
  return [finding("validation.rpm_digest_mismatch", message, { digests: names })];
}
