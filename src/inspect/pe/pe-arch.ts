import type { RandomAccess } from "../../base/random-access.ts";
import { archDamaged, archRead, type ArchReading } from "../arch-reading.ts";
import { readExactly } from "../bytes.ts";
import type { Arch } from "../inspection.ts";

const archByMachine: ReadonlyMap<number, Arch> = new Map([
  [0x14c, "x86"], // IMAGE_FILE_MACHINE_I386
  [0x1c4, "armv7"], // IMAGE_FILE_MACHINE_ARMNT
  [0x8664, "x86_64"], // IMAGE_FILE_MACHINE_AMD64
  [0xaa64, "arm64"], // IMAGE_FILE_MACHINE_ARM64
]);

/**
 * The architecture of a Windows program, from the COFF header's Machine field, which follows the signature "PE\0\0" at the
 * offset that stands at 0x3c. `native` is that number in hex.
 */
export async function peArch(bytes: RandomAccess): Promise<ArchReading> {
  const pointer = await readExactly(bytes, 0x3c, 4);
  const start = pointer && (await readExactly(bytes, pointer.readUInt32LE(0), 6));
  if (!start) return archDamaged("The COFF header is cut off.");
  const machine = start.readUInt16LE(4);
  return archRead(`0x${machine.toString(16)}`, archByMachine.get(machine));
}
