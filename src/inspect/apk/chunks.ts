import type { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

/** One `ResChunk_header` with what belongs to it: compiled XML and resource tables consist of these. */
export interface Chunk {
  readonly type: number;
  readonly headerBytes: number;
  /** All of the chunk, its header included, standing behind the common part of the header. */
  readonly reader: ByteReader;
}

export const chunkTypes = {
  stringPool: 0x0001,
  table: 0x0002,
  xml: 0x0003,
  startElement: 0x0102,
  endElement: 0x0103,
  resourceMap: 0x0180,
  tablePackage: 0x0200,
  tableType: 0x0201,
} as const;

const HEADER_BYTES = 8;

/** Reads the next chunk. Throws `UnreadableError` where it is longer than what holds it, or shorter than its own header. */
export function readChunk(outer: ByteReader, where: string): Chunk {
  const start = outer.offset;
  const type = outer.u16le();
  const headerBytes = outer.u16le();
  const sizeBytes = outer.u32le();
  // Smaller ones would have it read for ever.
  if (headerBytes < HEADER_BYTES || sizeBytes < headerBytes) {
    throw new UnreadableError("damaged", `A part of the ${where} is smaller than its own header.`, where);
  }
  const reader = outer.seek(start).part(sizeBytes, where);
  reader.seek(HEADER_BYTES);
  return { type, headerBytes, reader };
}
