import { crc32 } from "node:zlib";

import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

/** Icons have some five chunks; each is a buffer. */
const MAX_CHUNKS = 1_000;
const SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex");

export interface PngChunk {
  readonly type: string;
  readonly data: Buffer;
}

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  /** 2 is RGB, 6 RGBA. */
  readonly colorType: number;
  readonly isInterlaced: boolean;
}

export function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/** The chunks of a PNG (RFC 2083, 3.2), their CRCs unchecked. Throws `UnreadableError`. */
export function readPngChunks(bytes: Buffer, where: string): PngChunk[] {
  if (!isPng(bytes)) throw new UnreadableError("damaged", `${where} is no PNG picture.`, where);
  const reader = new ByteReader(bytes, where).skip(SIGNATURE.length);
  const chunks: PngChunk[] = [];
  while (reader.left > 0) {
    if (chunks.length === MAX_CHUNKS) {
      throw new UnreadableError("limit", `${where} has more than ${MAX_CHUNKS} chunks.`, where);
    }
    const length = reader.u32be();
    const type = reader.bytes(4).toString("latin1");
    chunks.push({ type, data: reader.bytes(length) });
    reader.skip(4);
    if (type === "IEND") break;
  }
  return chunks;
}

/** IHDR (RFC 2083, 4.1.1). Throws `UnreadableError`. */
export function readPngHeader(chunks: readonly PngChunk[], where: string): PngHeader {
  const header = chunks.find(({ type }) => type === "IHDR");
  if (header === undefined) throw new UnreadableError("damaged", `${where} has no IHDR chunk.`, where);
  const reader = new ByteReader(header.data, where);
  const [width, height] = [reader.u32be(), reader.u32be()];
  const [bitDepth, colorType] = [reader.u8(), reader.u8()];
  return { width, height, bitDepth, colorType, isInterlaced: reader.skip(2).u8() !== 0 };
}

export function writePng(chunks: readonly PngChunk[]): Buffer {
  return Buffer.concat([SIGNATURE, ...chunks.map(encodeChunk)]);
}

function encodeChunk({ type, data }: PngChunk): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}
