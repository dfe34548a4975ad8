import type { RandomAccess } from "../base/random-access.ts";

/** One file inside an archive or a disk image. */
export interface TreeFile {
  /** Separated by `/`, without a leading one. */
  readonly path: string;
  readonly sizeBytes: number;
  /** What a symbolic link points at; null for a regular file. */
  readonly linkTarget: string | null;
  /** The whole content. Throws `UnreadableError`: `limit` when it is longer than `limitBytes`, else what is wrong with it. */
  read(limitBytes: number): Promise<Buffer>;
  /** The content as it streams by; a chunk is good only until the next one is asked for. Throws `UnreadableError` too. */
  chunks(): AsyncIterable<Uint8Array>;
  /** The content at any place, without what stands before it; absent where it has to be unpacked. Throws `UnreadableError`. */
  readonly access?: () => Promise<RandomAccess>;
}

/** The regular files and links inside an archive or a disk image, by path. */
export type FileTree = ReadonlyMap<string, TreeFile>;
