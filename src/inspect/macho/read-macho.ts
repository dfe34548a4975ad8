import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly, readUpTo } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { cpuName } from "./cpu-types.ts";
import { type LoadCommands, readLoadCommands } from "./load-commands.ts";

/** The program for one processor in a file. */
export interface MachOSlice extends LoadCommands {
  /** As Apple's tools name it: `arm64`, `x86_64`, … */
  readonly cpu: string;
  /** Where it begins in the file; what its commands name is counted from here. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
}

/** <mach-o/fat.h> and <mach-o/loader.h>. */
const FAT = 0xcafebabe;
const FAT_64 = 0xcafebabf;
const MACHO_LITTLE_32 = 0xcefaedfe;
const MACHO_LITTLE_64 = 0xcffaedfe;
const MACHO_BIG_32 = 0xfeedface;
const MACHO_BIG_64 = 0xfeedfacf;
const MH_EXECUTE = 2;
/** There are some ten processors. A Java class has the same first bytes, and a version from 45 on where the count stands. */
const MAX_SLICES = 20;
/** Large programs have 20 KiB of commands; all of them are held in memory. */
const MAX_COMMAND_BYTES = 2 * 1024 * 1024;

/** True when a file with these first eight bytes is a Mach-O program or library. */
export function isMachO(head: Buffer): boolean {
  if (head.length < 8) return false;
  const magic = head.readUInt32BE(0);
  if (magic === FAT || magic === FAT_64) return head.readUInt32BE(4) <= MAX_SLICES;
  return [MACHO_LITTLE_32, MACHO_LITTLE_64, MACHO_BIG_32, MACHO_BIG_64].includes(magic);
}

/**
 * The programs in a Mach-O file: one, or one for each processor of a universal ("fat") file. Reads only their headers. `where`
 * names the file in errors. Throws `UnreadableError`.
 */
export async function readMachO(bytes: RandomAccess, where: string): Promise<readonly MachOSlice[]> {
  const head = await readUpTo(bytes, 0, 8);
  if (!isMachO(head)) throw damaged(where, "is no program for Apple's systems");
  const magic = head.readUInt32BE(0);
  if (magic !== FAT && magic !== FAT_64) return [await readSlice(bytes, 0, bytes.sizeBytes, where)];
  const slices: MachOSlice[] = [];
  for (const { offset, sizeBytes } of await readFatTable(bytes, head, where)) {
    slices.push(await readSlice(bytes, offset, sizeBytes, where));
  }
  return slices;
}

/** The places of the programs, in their order in the file. */
async function readFatTable(
  bytes: RandomAccess,
  head: Buffer,
  where: string,
): Promise<ReadonlyArray<{ readonly offset: number; readonly sizeBytes: number }>> {
  const count = head.readUInt32BE(4);
  const isWide = head.readUInt32BE(0) === FAT_64;
  const table = await readExactly(bytes, 8, count * (isWide ? 32 : 20));
  if (!table || count === 0) throw damaged(where, "names programs that it does not have");
  const reader = new ByteReader(table, where);
  const places = Array.from({ length: count }, () => {
    reader.skip(8);
    const offset = isWide ? reader.u64be() : reader.u32be();
    const sizeBytes = isWide ? reader.u64be() : reader.u32be();
    reader.skip(isWide ? 8 : 4);
    return { offset, sizeBytes };
  }).sort((a, b) => a.offset - b.offset);
  for (const [index, { offset, sizeBytes }] of places.entries()) {
    // Programs in each other's bytes could be two things at once.
    const end = places[index + 1]?.offset ?? bytes.sizeBytes;
    if (offset < 8 + table.length || offset + sizeBytes > end) {
      throw damaged(where, "has programs that overlap or reach beyond its end");
    }
  }
  return places;
}

/**
 *     0  magic   4  cputype   8  cpusubtype   12  filetype   16  ncmds   20  sizeofcmds   24  flags   (28  reserved, 64-bit only)
 */
async function readSlice(
  bytes: RandomAccess,
  offset: number,
  sizeBytes: number,
  where: string,
): Promise<MachOSlice> {
  const head = await readExactly(bytes, offset, 32);
  const magic = head?.readUInt32BE(0);
  const isLittle = magic === MACHO_LITTLE_32 || magic === MACHO_LITTLE_64;
  if (!head || (!isLittle && magic !== MACHO_BIG_32 && magic !== MACHO_BIG_64)) {
    throw damaged(where, "has no program where it names one");
  }
  const field = (at: number) => (isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const headerBytes = magic === MACHO_LITTLE_64 || magic === MACHO_BIG_64 ? 32 : 28;
  const commandBytes = field(20);
  if (commandBytes > MAX_COMMAND_BYTES) {
    throw new UnreadableError(
      "limit",
      `${where} has ${commandBytes} bytes of commands; ${MAX_COMMAND_BYTES} are read.`,
      where,
    );
  }
  if (headerBytes + commandBytes > sizeBytes) throw damaged(where, "ends within its commands");
  const commands = await readExactly(bytes, offset + headerBytes, commandBytes);
  if (!commands) throw damaged(where, "ends within its commands");
  return {
    cpu: cpuName(field(4), field(8)),
    offset,
    sizeBytes,
    isExecutable: field(12) === MH_EXECUTE,
    ...readLoadCommands(commands, field(16), isLittle, where),
  };
}

function damaged(where: string, problem: string): UnreadableError {
  return new UnreadableError("damaged", `${where} ${problem}.`, where);
}
