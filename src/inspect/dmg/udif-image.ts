import type { RandomAccess } from "../../base/random-access.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { type FileSystem, fileSystemOf } from "./file-system.ts";
import { checkDataFork, checkMaster, PartitionChecks } from "./udif-checks.ts";
import { UdifPartition } from "./udif-partition.ts";
import type { UdifResources } from "./udif-resources.ts";
import { SECTOR_BYTES } from "./udif-table.ts";
import type { UdifTrailer } from "./udif-trailer.ts";

/** One partition of a disk image. */
export interface DiskPartition {
  readonly bytes: UdifPartition;
  readonly fileSystem: FileSystem;
  /** Its checksum holds; null when it has none, or it was not compared. */
  readonly isSound: boolean | null;
}

/** The partitions of a disk image and whether its checksums hold. */
export interface UdifImage {
  readonly partitions: readonly DiskPartition[];
  /** JSON as facts: `partitions`, `checksums`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Looks into the partitions of a disk image; with `verify` its checksums are compared, which reads all of it. */
export async function readUdifImage(
  file: RandomAccess,
  trailer: UdifTrailer,
  { tables }: UdifResources,
  verify: boolean,
  findings: Finding[],
): Promise<UdifImage> {
  const checks = new PartitionChecks(file.sizeBytes, findings);
  const partitions: DiskPartition[] = [];
  for (const table of tables) {
    const bytes = new UdifPartition(file, trailer.dataFork, table);
    const fileSystem = await readPart(findings, () => fileSystemOf(bytes));
    const isSound = verify ? await readPart(findings, () => checks.check(bytes)) : null;
    partitions.push({ bytes, fileSystem: fileSystem ?? null, isSound: isSound ?? null });
  }
  const dataFork = verify ? await readPart(findings, () => checkDataFork(file, trailer, findings)) : null;
  return {
    partitions,
    facts: {
      partitions: partitions.map(partitionFacts),
      checksums: { master: checkMaster(trailer, tables, findings), data_fork: dataFork ?? null },
    },
  };
}

function partitionFacts({ bytes: { table }, fileSystem, isSound }: DiskPartition) {
  return {
    name: table.name,
    type: typeIn(table.name),
    file_system: fileSystem,
    size_bytes: table.sectorCount * SECTOR_BYTES,
    packing: table.kinds().filter((kind) => kind !== "zero" && kind !== "ignore"),
    checksum_verified: isSound,
  };
}

/** hdiutil writes the partition's type in the name: `disk image (Apple_HFS : 4)`. */
function typeIn(name: string): string | null {
  const start = name.indexOf("(");
  const stop = name.indexOf(")", start);
  if (start === -1 || stop === -1) return null;
  const type = name
    .slice(start + 1, stop)
    .split(":", 1)[0]!
    .trim();
  return type === "" ? null : type;
}
