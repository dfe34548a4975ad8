import { readApfsContainer } from "../apfs/apfs-container.ts";
import { readApfsFiles } from "../apfs/apfs-tree.ts";
import { readApfsVolume } from "../apfs/apfs-volume.ts";
import type { RandomAccess } from "../../base/random-access.ts";
import type { FileTree } from "../file-tree.ts";
import { finding } from "../findings.ts";
import { readHfsFiles } from "../hfs/hfs-tree.ts";
import { readHfsVolume } from "../hfs/hfs-volume.ts";
import type { Finding } from "../inspection.ts";
import { readPart, UnreadableError } from "../unreadable.ts";
import type { FileSystem } from "./file-system.ts";
import type { DiskPartition } from "./udif-image.ts";

/** What people see when they open a disk image. */
export interface DiskFiles {
  /** Null when the file system is none that is read. */
  readonly tree: FileTree | null;
  /** JSON as facts: `file_system`, `volume`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Names at the top that are shown. */
const MAX_TOP_LEVEL = 20;
/**
 * Files can be made of the same blocks, and of zeros that stand nowhere: together they may have no more bytes than this, or than so
 * many times the image's.
 */
const MIN_FILE_BYTES_LIMIT = 1024 ** 3;
const MAX_FILE_BYTES_RATIO = 50;

/** Reads the files of the first partition that has a file system. */
export async function readDiskFiles(
  partitions: readonly DiskPartition[],
  imageBytes: number,
  findings: Finding[],
): Promise<DiskFiles> {
  const main = partitions.find(({ fileSystem }) => fileSystem !== null);
  const fileSystem = main?.fileSystem ?? null;
  const read = fileSystem === null ? undefined : readers[fileSystem];
  if (main === undefined || read === undefined) {
    findings.push(unread(fileSystem));
    return { tree: null, facts: { file_system: fileSystem, volume: null } };
  }
  const contents = await readPart(findings, async () => bounded(await read(main.bytes), imageBytes));
  return {
    tree: contents?.tree ?? null,
    facts: { file_system: fileSystem, volume: contents ? volumeFacts(contents) : null },
  };
}

interface VolumeContents {
  readonly tree: FileTree;
  readonly name: string | null;
  readonly sizeBytes: number;
  readonly isCaseSensitive: boolean;
}

/** How the files of each file system are read. */
const readers: Partial<
  Record<Exclude<FileSystem, null>, (partition: RandomAccess) => Promise<VolumeContents>>
> = { "hfs+": readHfs, apfs: readApfs };

async function readHfs(partition: RandomAccess): Promise<VolumeContents> {
  const volume = await readHfsVolume(partition);
  const { tree, volumeName } = await readHfsFiles(volume);
  const { blockCount, blockBytes, isCaseSensitive } = volume;
  return { tree, name: volumeName, sizeBytes: blockCount * blockBytes, isCaseSensitive };
}

async function readApfs(partition: RandomAccess): Promise<VolumeContents> {
  const container = await readApfsContainer(partition);
  const volume = await readApfsVolume(container);
  return {
    tree: await readApfsFiles(container, volume),
    name: volume.name,
    sizeBytes: container.blockCount * container.blockBytes,
    isCaseSensitive: volume.isCaseSensitive,
  };
}

function bounded(contents: VolumeContents, imageBytes: number): VolumeContents {
  let total = 0;
  for (const { sizeBytes } of contents.tree.values()) total += sizeBytes;
  if (total <= Math.max(MIN_FILE_BYTES_LIMIT, MAX_FILE_BYTES_RATIO * imageBytes)) return contents;
  throw new UnreadableError(
    "limit",
    `The files of the disk image of ${imageBytes} bytes claim to have ${total}: they were not looked at.`,
  );
}

function volumeFacts({ tree, name, sizeBytes, isCaseSensitive }: VolumeContents) {
  return {
    name,
    files: tree.size,
    size_bytes: sizeBytes,
    case_sensitive: isCaseSensitive,
    top_level: topLevel(tree).slice(0, MAX_TOP_LEVEL),
    background: hasBackground(tree),
  };
}

function unread(fileSystem: FileSystem): Finding {
  const message =
    fileSystem === null
      ? "The disk image has no file system that is known here: what is in it was not looked at."
      : `The disk image's file system is ${fileSystem}, which is not read here: the app inside was not looked at.`;
  return finding("validation.dmg_app_unread", message, { file_system: fileSystem });
}

/** The names at the top, without those that the Finder and the file system hide. */
function topLevel(tree: FileTree): string[] {
  const names = new Set<string>();
  for (const path of tree.keys()) names.add(path.split("/", 1)[0]!);
  return [...names].filter((name) => !name.startsWith("."));
}

/** By convention the window's picture stands in a hidden folder. */
function hasBackground(tree: FileTree): boolean {
  return [...tree.keys()].some((path) => path.startsWith(".background/") || path === ".background.tiff");
}
