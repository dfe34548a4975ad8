import type { RandomAccess } from "../../base/random-access.ts";
import { archDamaged, archRead, type ArchReading } from "../arch-reading.ts";
import { readUpTo } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { ELF_START_BYTES, elfMachine, parseElfStart } from "./elf-header.ts";

/** The architecture of an ELF file, from e_machine. `native` reads `64-bit 62`. */
export async function elfArch(bytes: RandomAccess): Promise<ArchReading> {
  try {
    const { native, arch } = elfMachine(parseElfStart(await readUpTo(bytes, 0, ELF_START_BYTES)));
    return archRead(native, arch);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return archDamaged(error.message);
  }
}
