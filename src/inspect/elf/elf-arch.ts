import type { RandomAccess } from "../../base/random-access.ts";
import { archDamaged, archRead, type ArchReading } from "../arch-reading.ts";
import { readExactly } from "../bytes.ts";
import type { Arch } from "../inspection.ts";

/** e_ident (16 bytes), e_type, e_machine: the same places in both classes. */
const headerBytes = 20;

/** EI_CLASS: ELFCLASS32, ELFCLASS64. */
const wordByClass: ReadonlyMap<number, string> = new Map([
  [1, "32-bit"],
  [2, "64-bit"],
]);

/** EI_CLASS and e_machine of little-endian programs. x32 (62 in class 32) and the like are other architectures. */
const archByMachine: ReadonlyMap<string, Arch> = new Map([
  ["32-bit 3", "x86"], // EM_386
  ["32-bit 40", "armv7"], // EM_ARM
  ["64-bit 62", "x86_64"], // EM_X86_64
  ["64-bit 183", "arm64"], // EM_AARCH64
  ["64-bit 243", "riscv64"], // EM_RISCV
]);

/**
 * The architecture of an ELF file, from e_machine (System V gABI, "ELF Header"). `native` reads `64-bit 62`, with `big-endian`
 * in front where EI_DATA says so; big-endian programs run on none of the named architectures.
 */
export async function elfArch(bytes: RandomAccess): Promise<ArchReading> {
  const header = await readExactly(bytes, 0, headerBytes);
  if (!header) return archDamaged("The ELF header is cut off.");
  const bits = wordByClass.get(header.readUInt8(4));
  const data = header.readUInt8(5);
  if (bits === undefined || (data !== 1 && data !== 2)) {
    return archDamaged("The ELF header has an invalid class or byte order.");
  }
  if (data === 2) return archRead(`big-endian ${bits} ${header.readUInt16BE(18)}`, undefined);
  const native = `${bits} ${header.readUInt16LE(18)}`;
  return archRead(native, archByMachine.get(native));
}
