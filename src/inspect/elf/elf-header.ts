import { UnreadableError } from "../unreadable.ts";
import type { Arch } from "../inspection.ts";

/** e_ident (16 bytes), e_type, e_machine: the same places in both classes. */
export const ELF_START_BYTES = 20;

export interface ElfStart {
  readonly bits: 32 | 64;
  readonly isBigEndian: boolean;
  /** e_type: 1 object file, 2 program, 3 shared object or position-independent program. */
  readonly type: number;
  readonly machine: number;
}

/** EI_CLASS and e_machine of little-endian programs. x32 (62 in class 32) and the like are other architectures. */
const archByMachine: ReadonlyMap<string, Arch> = new Map([
  ["32-bit 3", "x86"], // EM_386
  ["32-bit 40", "armv7"], // EM_ARM
  ["64-bit 62", "x86_64"], // EM_X86_64
  ["64-bit 183", "arm64"], // EM_AARCH64
  ["64-bit 243", "riscv64"], // EM_RISCV
]);

/** Whether the bytes begin with ELF's magic number. */
export function isElf(head: Buffer): boolean {
  return head.length >= ELF_START_BYTES && head.readUInt32BE(0) === 0x7f454c46;
}

/** The first `ELF_START_BYTES` of an ELF file (System V gABI, "ELF Header"). Throws `UnreadableError` when they are cut off or invalid. */
export function parseElfStart(head: Buffer): ElfStart {
  if (head.length < ELF_START_BYTES) throw new UnreadableError("truncated", "The ELF header is cut off.");
  const elfClass = head.readUInt8(4);
  const data = head.readUInt8(5);
  if ((elfClass !== 1 && elfClass !== 2) || (data !== 1 && data !== 2)) {
    throw new UnreadableError("damaged", "The ELF header has an invalid class or byte order.");
  }
  const isBigEndian = data === 2;
  const u16 = (offset: number) => (isBigEndian ? head.readUInt16BE(offset) : head.readUInt16LE(offset));
  return { bits: elfClass === 1 ? 32 : 64, isBigEndian, type: u16(16), machine: u16(18) };
}

/**
 * What an ELF file says about its processor. `native` reads `64-bit 62`, with `big-endian` in front where EI_DATA says so; big-endian
 * programs run on none of the named architectures.
 */
export function elfMachine({ bits, isBigEndian, machine }: ElfStart): {
  readonly native: string;
  readonly arch: Arch | undefined;
} {
  if (isBigEndian) return { native: `big-endian ${bits}-bit ${machine}`, arch: undefined };
  const native = `${bits}-bit ${machine}`;
  return { native, arch: archByMachine.get(native) };
}
