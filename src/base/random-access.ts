/** Bytes that can be read at any place: a file, an object, a buffer. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /** At most `length` bytes from `offset`; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}
