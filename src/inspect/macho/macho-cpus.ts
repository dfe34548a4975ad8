import { cpuName } from "./cpu-types.ts";
import { isMachO } from "./read-macho.ts";

/** What has to be at hand: the table of a universal program for 15 processors. */
export const MACHO_START_BYTES = 512;
/** MH_OBJECT: compiled and not linked. */
const OBJECT_FILE = 1;

/**
 * The processors that a Mach-O program or library is for, as Apple's tools name them, by its first bytes alone: where it streams by in
 * an archive no more is at hand. Empty for anything else.
 */
export function machOCpus(head: Buffer): string[] {
  if (!isMachO(head) || head.length < 16) return [];
  const magic = head.readUInt32BE(0);
  if (magic === 0xcafebabe || magic === 0xcafebabf) {
    const entryBytes = magic === 0xcafebabf ? 32 : 20;
    const count = Math.min(head.readUInt32BE(4), Math.floor((head.length - 8) / entryBytes));
    const places = Array.from({ length: count }, (_, index) => 8 + index * entryBytes);
    return places.map((at) => cpuName(head.readUInt32BE(at), head.readUInt32BE(at + 4)));
  }
  const isLittle = magic === 0xcefaedfe || magic === 0xcffaedfe;
  const field = (at: number) => (isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at));
  return field(12) === OBJECT_FILE ? [] : [cpuName(field(4), field(8))];
}
