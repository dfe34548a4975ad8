import type { RandomAccess } from "../../base/random-access.ts";
import { archDamaged, archRead, type ArchReading, archUnavailable } from "../arch-reading.ts";
import { readExactly } from "../bytes.ts";
import { unpack, unpackLimitBytes } from "../unpack.ts";
import type { Arch } from "../inspection.ts";
import { controlField, findControlFile } from "./control-archive.ts";
import { findControlMember } from "./ar-members.ts";

/**
 * The largest packed control archive that is read. Real ones hold a few kilobytes; only kernels and packages with many
 * thousand checksums come near. Without it a member header could claim gigabytes to be read into memory.
 */
const controlArchiveLimitBytes = 1024 * 1024;

/** dpkg's names, from its cputable and tupletable. armel has no hardware floating point and is not armv7. */
const archByDebianName: ReadonlyMap<string, Arch> = new Map([
  ["all", "universal"],
  ["i386", "x86"],
  ["amd64", "x86_64"],
  ["arm64", "arm64"],
  ["armhf", "armv7"],
  ["riscv64", "riscv64"],
]);

/** The architecture of a Debian package: the field Architecture of its control file (deb-control(5)). */
export async function debArch(bytes: RandomAccess): Promise<ArchReading> {
  const member = await findControlMember(bytes);
  if (!member) return archDamaged("The package has no control archive where deb(5) wants it.");
  if (member.sizeBytes > controlArchiveLimitBytes) {
    return archUnavailable(`The control archive is larger than ${controlArchiveLimitBytes} bytes.`);
  }
  const packed = await readExactly(bytes, member.offset, member.sizeBytes);
  if (!packed) return archDamaged("The control archive is cut off.");

  const archive = await unpack(packed, member.compression);
  if (archive === "unsupported")
    return archUnavailable(`The control archive's compression, ${member.compression}, is not read.`);
  if (archive === "too_large")
    return archUnavailable(`The control archive unpacks to more than ${unpackLimitBytes} bytes.`);
  if (archive === "damaged") return archDamaged("The control archive cannot be unpacked.");

  const control = findControlFile(archive);
  const name = control && controlField(control, "architecture");
  if (!name) return archDamaged("The control archive names no architecture.");
  return archRead(name, archByDebianName.get(name));
}
