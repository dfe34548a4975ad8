import type { FileTree } from "../file-tree.ts";
import { readHfsFiles } from "../hfs/hfs-tree.ts";
import { readHfsVolume } from "../hfs/hfs-volume.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import type { FileSystem } from "./file-system.ts";
import type { DiskPartition } from "./udif-image.ts";

/** What people see when they open a disk image. */
export interface DiskFiles {
  /** Null when the file system is none that is read. */
  readonly tree: FileTree | null;
  /** Folders at its top that are apps. */
  readonly apps: readonly string[];
  /** JSON as facts: `file_system`, `volume`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

const noFiles: DiskFiles = { tree: null, apps: [], facts: { file_system: null, volume: null } };
/** Names at the top that are shown. */
const MAX_TOP_LEVEL = 20;

/** Reads the files of the first partition that has a file system. */
export async function readDiskFiles(
  partitions: readonly DiskPartition[],
  findings: Finding[],
): Promise<DiskFiles> {
  const main = partitions.find(({ fileSystem }) => fileSystem !== null);
  if (main === undefined) return noFiles;
  const { bytes, fileSystem } = main;
  if (fileSystem !== "hfs+") {
    findings.push(unread(fileSystem));
    return { ...noFiles, facts: { file_system: fileSystem, volume: null } };
  }
  const volume = await readPart(findings, () => readHfsVolume(bytes));
  const files = volume && (await readPart(findings, () => readHfsFiles(volume)));
  if (volume === undefined || files === undefined)
    return { ...noFiles, facts: { file_system: fileSystem, volume: null } };
  const top = topLevel(files.tree);
  return {
    tree: files.tree,
    apps: top.filter((name) => isApp(files.tree, name)),
    facts: {
      file_system: fileSystem,
      volume: {
        name: files.volumeName,
        files: files.tree.size,
        size_bytes: volume.blockCount * volume.blockBytes,
        free_bytes: volume.freeBlocks * volume.blockBytes,
        case_sensitive: volume.isCaseSensitive,
        top_level: top.slice(0, MAX_TOP_LEVEL),
        background: hasBackground(files.tree),
      },
    },
  };
}

function unread(fileSystem: FileSystem): Finding {
  const message = `The disk image's file system is ${fileSystem}, which is not read here: the app inside was not looked at.`;
  return finding("validation.dmg_app_unread", message, { file_system: fileSystem });
}

/** The names at the top, without those that the Finder and the file system hide. */
function topLevel(tree: FileTree): string[] {
  const names = new Set<string>();
  for (const path of tree.keys()) names.add(path.split("/", 1)[0]!);
  return [...names].filter((name) => !name.startsWith("."));
}

function isApp(tree: FileTree, name: string): boolean {
  return name.endsWith(".app") && tree.has(`${name}/Contents/Info.plist`);
}

/** By convention the window's picture stands in a hidden folder. */
function hasBackground(tree: FileTree): boolean {
  return [...tree.keys()].some((path) => path.startsWith(".background/") || path === ".background.tiff");
}
