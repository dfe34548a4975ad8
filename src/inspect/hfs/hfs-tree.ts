import type { FileTree, TreeFile } from "../file-tree.ts";
import { UnreadableError } from "../unreadable.ts";
import { ExtentAccess } from "../volume/extent-access.ts";
import { FolderPaths } from "../volume/folder-paths.ts";
import { packedByFileSystem, VolumeFile } from "../volume/volume-file.ts";
import { leafRecords } from "./hfs-btree.ts";
import { type CatalogFile, type HfsCatalog, readCatalog } from "./hfs-catalog.ts";
import { fileExtents, type Fork } from "./hfs-fork.ts";
import { HfsOverflow } from "./hfs-overflow.ts";
import type { HfsVolume } from "./hfs-volume.ts";

/** TN1150: the catalog's own number, and the root folder's. */
const CATALOG_ID = 4;
const ROOT_FOLDER = 2;
const TYPE_MASK = 0o170000;
const SYMBOLIC_LINK = 0o120000;
/** Each target is read for itself, from wherever it stands. */
const MAX_LINKS = 500;
const MAX_TARGET_BYTES = 1024;
/** TN1150, "Hard Links": the files that hard links mean stand in this folder of the root, as `iNode` and their number. */
const PRIVATE_FOLDER = "\0\0\0\0HFS+ Private Data/";

export interface HfsFiles {
  readonly volumeName: string | null;
  readonly tree: FileTree;
}

/**
 * The files of an HFS+ volume: its catalog is read, and the targets of symbolic links, which stay empty beyond the first so many.
 * Throws `UnreadableError`.
 */
export async function readHfsFiles(volume: HfsVolume): Promise<HfsFiles> {
  const overflowBytes = open(volume, volume.extentsFile, volume.extentsFile.extents, "extents overflow file");
  const overflow = await HfsOverflow.read(leafRecords(overflowBytes, "extents overflow file"));
  const catalogExtents = overflow.extentsOf(CATALOG_ID, 0, volume.catalogFile);
  const catalogBytes = open(volume, volume.catalogFile, catalogExtents, "catalog file");
  const catalog = await readCatalog(leafRecords(catalogBytes, "catalog file"));
  const paths = new FolderPaths(catalog.folders, ROOT_FOLDER);
  const inodes = inodesOf(catalog, paths);
  const tree = new Map<string, TreeFile>();
  let links = 0;
  for (const named of catalog.files) {
    const folder = paths.of(named.parentId);
    const file = named.inode === null ? named : inodes.get(`iNode${named.inode}`);
    if (folder === null || folder.startsWith("\0") || file === undefined) continue;
    const path = folder + named.name;
    const access = () => openFile(volume, overflow, file, path);
    const { sizeBytes } = file.dataFork;
    const isLink = (file.mode & TYPE_MASK) === SYMBOLIC_LINK;
    if (isLink) links += 1;
    const target = isLink && links <= MAX_LINKS ? await readTarget(access, sizeBytes) : "";
    tree.set(path, new VolumeFile(path, sizeBytes, isLink ? target : null, access));
  }
  return { volumeName: catalog.folders.get(ROOT_FOLDER)?.name ?? null, tree };
}

/** The files that have more than one name, by the one they have in their own folder. */
function inodesOf({ files }: HfsCatalog, paths: FolderPaths): ReadonlyMap<string, CatalogFile> {
  return new Map(
    files
      .filter(({ parentId }) => paths.of(parentId) === PRIVATE_FOLDER)
      .map((file) => [file.name, file] as const),
  );
}

async function readTarget(access: () => ExtentAccess, sizeBytes: number): Promise<string> {
  if (sizeBytes > MAX_TARGET_BYTES) return "";
  try {
    return Buffer.from(await access().read(0, sizeBytes)).toString();
  } catch (error) {
    // Whoever reads the link is told.
    if (error instanceof UnreadableError) return "";
    throw error;
  }
}

function openFile(volume: HfsVolume, overflow: HfsOverflow, file: CatalogFile, path: string): ExtentAccess {
  if (file.isCompressed) throw packedByFileSystem(path);
  return open(volume, file.dataFork, overflow.extentsOf(file.id, 0, file.dataFork), path);
}

function open(
  { bytes, blockBytes }: HfsVolume,
  { sizeBytes }: Fork,
  extents: Fork["extents"],
  where: string,
): ExtentAccess {
  return new ExtentAccess(bytes, fileExtents(extents, blockBytes), sizeBytes, where);
}
