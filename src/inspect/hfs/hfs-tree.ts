import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import type { FileTree, TreeFile } from "../file-tree.ts";
import { UnreadableError } from "../unreadable.ts";
import { ForkAccess } from "./fork-access.ts";
import { leafRecords } from "./hfs-btree.ts";
import { type CatalogFile, type HfsCatalog, readCatalog } from "./hfs-catalog.ts";
import { HfsOverflow } from "./hfs-overflow.ts";
import { type HfsVolume } from "./hfs-volume.ts";

const ROOT_FOLDER = 2;
const TYPE_MASK = 0o170000;
const SYMBOLIC_LINK = 0o120000;
/** Folders can be made to contain one another. */
const MAX_DEPTH = 64;
const MAX_PATH_LENGTH = 4096;
/** Each target is read for itself, from wherever it stands. */
const MAX_LINKS = 500;
const MAX_TARGET_BYTES = 1024;
const READ_BYTES = 1024 * 1024;
/** TN1150, "Hard Links": the files that hard links mean stand in this folder of the root, as `iNode` and their number. */
const PRIVATE_FOLDER = "\0\0\0\0HFS+ Private Data";

export interface HfsFiles {
  readonly volumeName: string | null;
  readonly tree: FileTree;
}

/** The files of an HFS+ volume: its catalog is read, and the targets of symbolic links. Throws `UnreadableError`. */
export async function readHfsFiles(volume: HfsVolume): Promise<HfsFiles> {
  const overflow = await HfsOverflow.read(
    leafRecords(open(volume, volume.extentsFile, "extents overflow file"), "extents overflow file"),
  );
  const catalogExtents = overflow.extentsOf(CATALOG_ID, 0, volume.catalogFile);
  const catalogBytes = new ForkAccess(volume, catalogExtents, volume.catalogFile.sizeBytes, "catalog file");
  const catalog = await readCatalog(leafRecords(catalogBytes, "catalog file"));
  const paths = new FolderPaths(catalog);
  const inodes = new Map(
    catalog.files
      .filter(({ parentId }) => paths.of(parentId) === `${PRIVATE_FOLDER}/`)
      .map((file) => [file.name, file]),
  );
  const tree = new Map<string, TreeFile>();
  let links = 0;
  for (const file of catalog.files) {
    const folder = paths.of(file.parentId);
    if (folder === null || folder.startsWith("\0")) continue;
    const meant = file.inode === null ? file : inodes.get(`iNode${file.inode}`);
    if (meant === undefined) continue;
    const one = new HfsFile(volume, overflow, folder + file.name, meant);
    if (one.isLink && links < MAX_LINKS) await one.readTarget();
    if (one.isLink) links += 1;
    tree.set(one.path, one);
  }
  return { volumeName: catalog.folders.get(ROOT_FOLDER)?.name ?? null, tree };
}

const CATALOG_ID = 4;

function open(volume: HfsVolume, fork: HfsVolume["catalogFile"], where: string): ForkAccess {
  return new ForkAccess(volume, fork.extents, fork.sizeBytes, where);
}

/** The paths of folders, each made once; null for those that do not lead to the root. */
class FolderPaths {
  readonly #folders: HfsCatalog["folders"];
  readonly #paths = new Map<number, string | null>([[ROOT_FOLDER, ""]]);

  constructor({ folders }: HfsCatalog) {
    this.#folders = folders;
  }

  of(id: number, depth = 0): string | null {
    const known = this.#paths.get(id);
    if (known !== undefined) return known;
    const folder = this.#folders.get(id);
    const parent = folder && depth < MAX_DEPTH ? this.of(folder.parentId, depth + 1) : null;
    const path = folder && parent !== null ? `${parent}${folder.name}/` : null;
    const kept = path !== null && path.length <= MAX_PATH_LENGTH ? path : null;
    this.#paths.set(id, kept);
    return kept;
  }
}

class HfsFile implements TreeFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly isLink: boolean;
  /** Empty for a link beyond the first so many. */
  linkTarget: string | null;
  readonly #volume: HfsVolume;
  readonly #overflow: HfsOverflow;
  readonly #file: CatalogFile;

  constructor(volume: HfsVolume, overflow: HfsOverflow, path: string, file: CatalogFile) {
    this.path = path;
    this.sizeBytes = file.dataFork.sizeBytes;
    this.isLink = (file.mode & TYPE_MASK) === SYMBOLIC_LINK;
    this.linkTarget = this.isLink ? "" : null;
    this.#volume = volume;
    this.#overflow = overflow;
    this.#file = file;
  }

  async readTarget(): Promise<void> {
    if (this.sizeBytes <= MAX_TARGET_BYTES) this.linkTarget = (await this.read(MAX_TARGET_BYTES)).toString();
  }

  async read(limitBytes: number): Promise<Buffer> {
    if (this.sizeBytes > limitBytes) {
      throw new UnreadableError(
        "limit",
        `${this.path} has ${this.sizeBytes} bytes; ${limitBytes} are read.`,
        this.path,
      );
    }
    return (await readExactly(this.#open(), 0, this.sizeBytes)) ?? Buffer.alloc(0);
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const bytes = this.#open();
    for (let offset = 0; offset < this.sizeBytes; offset += READ_BYTES) {
      yield await bytes.read(offset, Math.min(READ_BYTES, this.sizeBytes - offset));
    }
  }

  readonly access = async (): Promise<RandomAccess> => this.#open();

  #open(): ForkAccess {
    const { id, dataFork, isCompressed } = this.#file;
    if (isCompressed) {
      throw new UnreadableError(
        "unsupported",
        `${this.path} is compressed by the file system, which is not read.`,
        this.path,
      );
    }
    const extents = this.#overflow.extentsOf(id, 0, dataFork);
    return new ForkAccess(this.#volume, extents, dataFork.sizeBytes, this.path);
  }
}
