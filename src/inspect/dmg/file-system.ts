import type { RandomAccess } from "../../base/random-access.ts";
import { readUpTo } from "../bytes.ts";
import { isHfsPlus } from "../hfs/hfs-volume.ts";

export type FileSystem = "apfs" | "hfs+" | "hfs" | "fat" | "exfat" | "iso9660" | "udf" | null;

/** The farthest mark, ISO 9660's, stands in sector 16 of 2,048 bytes. */
const HEAD_BYTES = 34 * 1024;

/** What a partition is formatted as, by its own marks; null for none known. Reads its first bytes. */
export async function fileSystemOf(partition: RandomAccess): Promise<FileSystem> {
  const head = await readUpTo(partition, 0, HEAD_BYTES);
  const at = (offset: number, text: string): boolean =>
    head.toString("latin1", offset, offset + text.length) === text;
  if (isHfsPlus(head)) return "hfs+";
  if (at(32, "NXSB")) return "apfs";
  if (at(1024, "BD")) return "hfs";
  if (at(3, "EXFAT   ")) return "exfat";
  if (at(54, "FAT1") || at(82, "FAT32")) return "fat";
  if (at(32_769, "CD001")) return "iso9660";
  if (at(32_769, "BEA01")) return "udf";
  return null;
}
