import { appleRoots, type TrustedRoots } from "../apple/apple-roots.ts";
import { finding } from "../findings.ts";
import { type FileToInspect, type FormatReader, type FormatReport, noIdentity } from "../format-reader.ts";
import type { Finding, Signer } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { inspectDiskPayload } from "./disk-app.ts";
import { readDiskFiles } from "./disk-files.ts";
import { type ImageSigning, readImageSigning } from "./dmg-signature.ts";
import { readEncryption } from "./encrypted-image.ts";
import { readUdifImage } from "./udif-image.ts";
import { readUdifResources } from "./udif-resources.ts";
import { readUdifTrailer, type UdifTrailer } from "./udif-trailer.ts";

/**
 * A disk image of macOS in the Universal Disk Image Format. Facts: `image` (version, variant, size), `license_agreement`, those of
 * `readUdifImage`, of the volume inside, of the image's own signature, and of the app or package inside; or `encryption` and nothing
 * else.
 */
export const readDmg: FormatReader = (file) => readDmgTrusting(appleRoots(), file);

/** `readDmg` with other roots than Apple's. */
export async function readDmgTrusting(roots: TrustedRoots, file: FileToInspect): Promise<FormatReport> {
  const encryption = await readEncryption(file.bytes);
  if (encryption !== null) {
    const how = encryption.algorithm ?? "a cipher unknown here";
    const message = `The disk image is encrypted with ${how}: nothing in it was looked at, and people need its password.`;
    const findings = [finding("validation.dmg_encrypted", message)];
    return { facts: { encryption }, identity: noIdentity, findings };
  }
  const findings: Finding[] = [];
  const trailer = await readPart(findings, () => readUdifTrailer(file.bytes));
  if (trailer === undefined) return { facts: {}, identity: noIdentity, findings };
  return await readImage(roots, file, trailer, findings);
}

async function readImage(
  roots: TrustedRoots,
  file: FileToInspect,
  trailer: UdifTrailer,
  findings: Finding[],
): Promise<FormatReport> {
  const { bytes, verify, nowMs } = file;
  const resources = await readPart(findings, () => readUdifResources(bytes, trailer, findings));
  const image = resources && (await readUdifImage(bytes, trailer, resources, verify, findings));
  const signing = await readImageSigning(bytes, trailer, { roots, nowMs, verify }, findings);
  const files = await readDiskFiles(image?.partitions ?? [], bytes.sizeBytes, findings);
  const { isStapled } = signing;
  const payload = files.tree && (await inspectDiskPayload(files.tree, file, { roots, isStapled }));
  findings.push(...signingFindings(signing, payload), ...(payload?.findings ?? []));
  return {
    facts: {
      image: imageFacts(trailer),
      license_agreement: resources?.hasLicense ?? null,
      ...image?.facts,
      ...files.facts,
      ...signing.facts,
      ...payload?.facts,
      ...(isStapled && { notarization_ticket: "stapled" }),
    },
    identity: {
      ...(payload?.identity ?? noIdentity),
      signers: together([...(payload?.identity.signers ?? []), ...signing.signers]),
    },
    findings,
    ...(payload?.runsOn && { runsOn: payload.runsOn }),
    ...(payload?.icon && { icon: payload.icon }),
  };
}

function imageFacts({ version, imageVariant, sectorCount, segmentCount }: UdifTrailer) {
  return {
    version,
    variant: imageVariant === 1 ? "device" : imageVariant === 2 ? "partition" : imageVariant,
    size_bytes: sectorCount * 512,
    segments: segmentCount,
  };
}

/** An image need not be signed when what is in it is; and what is in it need not have a ticket of its own when the image has one. */
function signingFindings({ signer, isStapled }: ImageSigning, payload: FormatReport | null): Finding[] {
  const isSignedInside = payload !== null && payload.identity.signers.length > 0;
  const isTold = payload?.findings.some(({ code }) => code === "validation.unsigned") === true;
  if (signer === null) {
    const message = "The disk image is not signed, and no signer of what is in it is known.";
    if (isSignedInside || isTold) return [];
    return [finding("validation.unsigned", message, undefined, "disk image")];
  }
  if (isStapled || isSignedInside || signer.kind !== "developer_id") return [];
  const message =
    "No notarization ticket is stapled to the disk image: a Mac that cannot reach Apple refuses to open it.";
  return [finding("validation.not_notarized", message, undefined, "disk image")];
}

/** Each signer once: it counts as verified when all that it signed is. */
function together(signers: readonly Signer[]): Signer[] {
  const byId = Map.groupBy(signers, ({ id }) => id);
  return [...byId.values()].map((own) => ({ ...own[0]!, verified: own.every(({ verified }) => verified) }));
}
