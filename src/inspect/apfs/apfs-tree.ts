import type { FileTree, TreeFile } from "../file-tree.ts";
import { ExtentAccess } from "../volume/extent-access.ts";
import { FolderPaths } from "../volume/folder-paths.ts";
import { packedByFileSystem, VolumeFile } from "../volume/volume-file.ts";
import { treeRecords } from "./apfs-btree.ts";
import { readApfsCatalog } from "./apfs-catalog.ts";
import type { ApfsContainer } from "./apfs-container.ts";
import type { ApfsVolume } from "./apfs-volume.ts";

/** ROOT_DIR_INO_NUM */
const ROOT_FOLDER = 2;
const TYPE_MASK = 0o170000;
const REGULAR = 0o100000;
const SYMBOLIC_LINK = 0o120000;

/** The files of an APFS volume: the whole tree that describes them is read. Throws `UnreadableError`. */
export async function readApfsFiles(container: ApfsContainer, volume: ApfsVolume): Promise<FileTree> {
  const { bytes, blockBytes } = container;
  const records = treeRecords(container, volume.rootTreeId, volume.omap.blockOf, "APFS volume");
  const { entries, inodes, extents, links } = await readApfsCatalog(records, volume, blockBytes);
  const folders = entries.filter(({ isFolder }) => isFolder).map((entry) => [entry.id, entry] as const);
  const paths = new FolderPaths(new Map(folders), ROOT_FOLDER);
  const tree = new Map<string, TreeFile>();
  for (const { parentId, id, name, isFolder } of entries) {
    const folder = paths.of(parentId);
    const inode = inodes.get(id);
    if (isFolder || folder === null || inode === undefined) continue;
    const path = folder + name;
    const type = inode.mode & TYPE_MASK;
    if (type === SYMBOLIC_LINK) {
      const target = links.get(id) ?? "";
      const content = Buffer.from(target);
      tree.set(path, new VolumeFile(path, content.length, target, () => memoryAccess(content)));
    } else if (type === REGULAR) {
      const open = () => {
        if (inode.isCompressed) throw packedByFileSystem(path);
        return new ExtentAccess(bytes, extents.get(inode.streamId) ?? [], inode.sizeBytes, path);
      };
      tree.set(path, new VolumeFile(path, inode.sizeBytes, null, open));
    }
  }
  return tree;
}

function memoryAccess(content: Buffer) {
  return {
    sizeBytes: content.length,
    read: async (offset: number, length: number) => content.subarray(offset, offset + length),
    close: async () => {},
  };
}
