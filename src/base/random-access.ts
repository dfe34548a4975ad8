/** Bytes that can be read at any place: a file, an object, a buffer. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /** The descriptor of the open file, where it is one: other threads of this process may read by it until `close`. */
  readonly fd?: number;
  /** At most `length` bytes from `offset`; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}
