import type { RandomAccess } from "../../base/random-access.ts";
import type { FileTree, TreeFile } from "../file-tree.ts";
import { entryAccess, entryChunks, isStored, readEntry } from "./zip-entry.ts";
import type { ZipDirectory } from "./zip-directory.ts";

const TYPE_MASK = 0o170000;
const SYMBOLIC_LINK = 0o120000;

/**
 * The files of a zip archive by path. Where a name stands twice the last one counts, as for most that unpack; `zipFindings` tells of
 * it. The target of a link is its content, which is not read here: `linkTarget` is then the empty string.
 */
export function zipTree(bytes: RandomAccess, { entries }: ZipDirectory): FileTree {
  const files = entries.filter(({ name }) => !name.endsWith("/"));
  return new Map<string, TreeFile>(
    files.map((entry) => [
      entry.name,
      {
        path: entry.name,
        sizeBytes: entry.sizeBytes,
        linkTarget: (entry.unixMode & TYPE_MASK) === SYMBOLIC_LINK ? "" : null,
        read: (limitBytes) => readEntry(bytes, entry, limitBytes),
        chunks: () => entryChunks(bytes, entry),
        ...(isStored(entry) && { access: () => entryAccess(bytes, entry) }),
      },
    ]),
  );
}
