/** A file as an archive names it. */
export interface ArchiveEntry {
  /** Relative, of segments between slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * One archive as it is being written: what stands around the bytes of its files. For each file `open`, `take` with each of its
 * chunks, `close`; at last `end`.
 */
export interface ArchiveFraming {
  /** What stands before a file's bytes. */
  open(entry: ArchiveEntry): Uint8Array;
  take(chunk: Uint8Array): void;
  /** What stands behind them. */
  close(): Uint8Array;
  /** What stands behind the last file. */
  end(): Iterable<Uint8Array>;
}
