/** A folder of a volume. */
export interface VolumeFolder {
  readonly parentId: number;
  readonly name: string;
}

/** Folders can be made to contain one another. */
const MAX_DEPTH = 64;
const MAX_PATH_LENGTH = 4096;

/** The paths of a volume's folders, with a trailing slash, each made once; null for those that do not lead to the root. */
export class FolderPaths {
  readonly #folders: ReadonlyMap<number, VolumeFolder>;
  readonly #paths: Map<number, string | null>;

  constructor(folders: ReadonlyMap<number, VolumeFolder>, rootId: number) {
    this.#folders = folders;
    this.#paths = new Map([[rootId, ""]]);
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
