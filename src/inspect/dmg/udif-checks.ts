import { crc32 } from "node:zlib";

import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { crc32OfZeros } from "./crc32-zeros.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { UnreadableError } from "../unreadable.ts";
import type { UdifPartition } from "./udif-partition.ts";
import { SECTOR_BYTES, type UdifChunk, type UdifTable } from "./udif-table.ts";
import type { UdifTrailer } from "./udif-trailer.ts";

const READ_BYTES = 1024 * 1024;
/**
 * Partitions are unpacked as long as they do not make more than this much, or this many times the file: chunks may share their bytes,
 * so that a megabyte makes terabytes.
 */
const MAX_UNPACKED_RATIO = 50;
const MIN_UNPACKED_LIMIT = 1024 ** 3;
/** These packings take seconds for each 100 MB. The data fork's checksum covers the bytes they stand in. */
const SLOW_KINDS: ReadonlySet<string> = new Set(["adc", "bzip2", "lzfse", "lzma"]);
const MAX_SLOW_BYTES = 256 * 1024 * 1024;

/** Compares the checksum over the partitions' checksums: reads nothing. Null where there is none. */
export function checkMaster(
  { masterCrc32 }: UdifTrailer,
  tables: readonly UdifTable[],
  findings: Finding[],
): boolean | null {
  if (masterCrc32 === null || tables.some((table) => table.crc32 === null)) return null;
  const checksums = Buffer.alloc(tables.length * 4);
  for (const [index, table] of tables.entries()) checksums.writeUInt32BE(table.crc32!, index * 4);
  return compare("The disk image", "its partitions' checksums", masterCrc32, crc32(checksums), findings);
}

/** Compares the checksum of the data fork with its bytes: reads all of them. Null where there is none. */
export async function checkDataFork(
  file: RandomAccess,
  { dataCrc32, dataFork }: UdifTrailer,
  findings: Finding[],
): Promise<boolean | null> {
  if (dataCrc32 === null) return null;
  let crc = 0;
  const stop = dataFork.offset + dataFork.length;
  for (let offset = dataFork.offset; offset < stop; offset += READ_BYTES) {
    const chunk = await readExactly(file, offset, Math.min(READ_BYTES, stop - offset));
    if (!chunk) throw new UnreadableError("truncated", "The disk image ends within its data fork.");
    crc = crc32(chunk, crc);
  }
  return compare("The disk image", "its data fork", dataCrc32, crc, findings);
}

/** Unpacks partitions and compares their checksums, within limits that all of them share. */
export class PartitionChecks {
  readonly #findings: Finding[];
  #left: number;
  #slowLeft = MAX_SLOW_BYTES;

  constructor(fileBytes: number, findings: Finding[]) {
    this.#findings = findings;
    this.#left = Math.max(MIN_UNPACKED_LIMIT, MAX_UNPACKED_RATIO * fileBytes);
  }

  /** Null where there is no checksum, or too much to unpack. Throws `UnreadableError`. */
  async check(partition: UdifPartition): Promise<boolean | null> {
    const { table } = partition;
    if (table.crc32 === null || !this.#affords(table)) return null;
    let crc = 0;
    for (let index = 0; index < table.chunkCount; index += 1) {
      crc = await crcOf(partition, table.chunk(index), crc);
    }
    return compare(`Partition ${table.name}`, "its content", table.crc32, crc, this.#findings, table.name);
  }

  #affords(table: UdifTable): boolean {
    let sizeBytes = 0;
    let slowBytes = 0;
    for (let index = 0; index < table.chunkCount; index += 1) {
      const { kind, sectorCount } = table.chunk(index);
      if (kind === "zero" || kind === "ignore") continue;
      sizeBytes += sectorCount * SECTOR_BYTES;
      if (SLOW_KINDS.has(kind)) slowBytes += sectorCount * SECTOR_BYTES;
    }
    if (sizeBytes > this.#left) {
      const message = `Partition ${table.name} unpacks to ${sizeBytes} bytes; its checksum was not compared.`;
      this.#findings.push(finding("validation.limit", message, undefined, table.name));
      return false;
    }
    if (slowBytes > this.#slowLeft) return false;
    this.#left -= sizeBytes;
    this.#slowLeft -= slowBytes;
    return true;
  }
}

async function crcOf(partition: UdifPartition, chunk: UdifChunk, before: number): Promise<number> {
  switch (chunk.kind) {
    case "ignore":
      return before;
    case "zero":
      return crc32OfZeros(chunk.sectorCount * SECTOR_BYTES, before);
    case "raw": {
      let crc = before;
      const sizeBytes = chunk.sectorCount * SECTOR_BYTES;
      for (let at = 0; at < sizeBytes; at += READ_BYTES) {
        crc = crc32(await partition.stored(chunk, at, Math.min(READ_BYTES, sizeBytes - at)), crc);
      }
      return crc;
    }
    default:
      return crc32(await partition.unpacked(chunk), before);
  }
}

function compare(
  who: string,
  what: string,
  expected: number,
  actual: number,
  findings: Finding[],
  where?: string,
): boolean {
  if (expected === actual) return true;
  const [says, is] = [expected, actual].map((value) => value.toString(16).padStart(8, "0"));
  const message = `${who} gives ${says} as the CRC-32 of ${what}; it is ${is}.`;
  findings.push(finding("validation.dmg_checksum_mismatch", message, undefined, where));
  return false;
}
