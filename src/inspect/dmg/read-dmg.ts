import { finding } from "../findings.ts";
import { type FileToInspect, type FormatReader, type FormatReport, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { readEncryption } from "./encrypted-image.ts";
import { readDiskFiles } from "./disk-files.ts";
import { readUdifImage } from "./udif-image.ts";
import { readUdifResources } from "./udif-resources.ts";
import { readUdifTrailer, type UdifTrailer } from "./udif-trailer.ts";

/**
 * A disk image of macOS in the Universal Disk Image Format. Facts: `image` (version, variant, size), `license_agreement`, those of
 * `readUdifImage`, of the volume inside, of the image's own signature, and of the app inside; or `encryption` and nothing else.
 */
export const readDmg: FormatReader = async (file) => {
  const encryption = await readEncryption(file.bytes);
  if (encryption !== null) {
    const how = encryption.algorithm ?? "a cipher unknown here";
    const message = `The disk image is encrypted with ${how}: nothing in it was looked at, and people need its password.`;
    return {
      facts: { encryption },
      identity: noIdentity,
      findings: [finding("validation.dmg_encrypted", message)],
    };
  }
  const findings: Finding[] = [];
  const trailer = await readPart(findings, () => readUdifTrailer(file.bytes));
  if (trailer === undefined) return { facts: {}, identity: noIdentity, findings };
  return await readImage(file, trailer, findings);
};

async function readImage(
  { bytes, verify }: FileToInspect,
  trailer: UdifTrailer,
  findings: Finding[],
): Promise<FormatReport> {
  const resources = await readPart(findings, () => readUdifResources(bytes, trailer, findings));
  const image = resources && (await readUdifImage(bytes, trailer, resources, verify, findings));
  const files = await readDiskFiles(image?.partitions ?? [], findings);
  return {
    facts: {
      image: imageFacts(trailer),
      license_agreement: resources?.hasLicense ?? null,
      ...image?.facts,
      ...files.facts,
    },
    identity: noIdentity,
    findings,
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
