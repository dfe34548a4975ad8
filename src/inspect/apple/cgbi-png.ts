import { promisify } from "node:util";
import { deflate, inflateRaw } from "node:zlib";

import { UnreadableError } from "../unreadable.ts";
import { type PngChunk, type PngHeader, readPngChunks, readPngHeader, writePng } from "./png.ts";

/** The store asks for 1,024 × 1,024. Four bytes each are held in memory. */
const MAX_SIDE = 1024;
const RGB = 2;
const RGBA = 6;

/** True for a PNG in the form that Xcode packs into apps, which only Apple's systems show. */
export function isCgbi(chunks: readonly PngChunk[]): boolean {
  return chunks[0]?.type === "CgBI";
}

/**
 * Makes an ordinary PNG of one that Xcode has rewritten: its data are deflated without a zlib header, and its pixels are blue, green,
 * red, with each multiplied by alpha. Throws `UnreadableError`.
 */
export async function ordinaryPng(bytes: Buffer, where: string): Promise<Buffer> {
  const chunks = readPngChunks(bytes, where);
  const header = readPngHeader(chunks, where);
  const { width, height, bitDepth, colorType, isInterlaced } = header;
  if (bitDepth !== 8 || isInterlaced || (colorType !== RGB && colorType !== RGBA)) {
    throw new UnreadableError(
      "unsupported",
      `${where} is in a form of Apple's PNG that is not read here.`,
      where,
    );
  }
  if (width === 0 || height === 0 || width > MAX_SIDE || height > MAX_SIDE) {
    throw new UnreadableError(
      "limit",
      `${where} is ${width} by ${height}; up to ${MAX_SIDE} are read.`,
      where,
    );
  }
  const data = Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map((chunk) => chunk.data));
  const pixelBytes = colorType === RGBA ? 4 : 3;
  const rows = await inflateRows(data, (1 + width * pixelBytes) * height, where);
  unfilter(rows, header, pixelBytes, where);
  restoreColors(rows, header, pixelBytes);
  filterUp(rows, header, pixelBytes);
  return writePng([
    chunks.find(({ type }) => type === "IHDR")!,
    { type: "IDAT", data: await promisify(deflate)(rows) },
    { type: "IEND", data: Buffer.alloc(0) },
  ]);
}

async function inflateRows(data: Buffer, sizeBytes: number, where: string): Promise<Buffer> {
  let rows: Buffer;
  try {
    rows = await promisify(inflateRaw)(data, { maxOutputLength: sizeBytes });
  } catch {
    throw new UnreadableError("damaged", `${where} does not unpack to its picture.`, where);
  }
  if (rows.length === sizeBytes) return rows;
  throw new UnreadableError("damaged", `${where} has fewer pixels than it says.`, where);
}

/** RFC 2083, 6: each row begins with the number of its filter, whose prediction is added. */
function unfilter(rows: Buffer, { width, height }: PngHeader, pixelBytes: number, where: string): void {
  const rowBytes = 1 + width * pixelBytes;
  for (let row = 0; row < height; row += 1) {
    const start = row * rowBytes;
    const filter = rows[start]!;
    if (filter > 4) throw new UnreadableError("damaged", `${where} has an unknown filter.`, where);
    for (let at = start + 1; at < start + rowBytes; at += 1) {
      const left = at - pixelBytes > start ? rows[at - pixelBytes]! : 0;
      const up = row > 0 ? rows[at - rowBytes]! : 0;
      const upLeft = row > 0 && at - pixelBytes > start ? rows[at - rowBytes - pixelBytes]! : 0;
      rows[at] = rows[at]! + prediction(filter, left, up, upLeft);
    }
  }
}

function prediction(filter: number, left: number, up: number, upLeft: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4:
      return paeth(left, up, upLeft);
    default:
      return 0;
  }
}

/** RFC 2083, 6.6: whichever of the three is nearest to their linear prediction. */
function paeth(left: number, up: number, upLeft: number): number {
  const guess = left + up - upLeft;
  const [toLeft, toUp, toUpLeft] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - upLeft)];
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

function restoreColors(rows: Buffer, { width, height }: PngHeader, pixelBytes: number): void {
  for (let row = 0; row < height; row += 1) {
    const start = row * (1 + width * pixelBytes) + 1;
    for (let at = start; at < start + width * pixelBytes; at += pixelBytes) {
      const alpha = pixelBytes === 4 ? rows[at + 3]! : 255;
      const [blue, green, red] = [rows[at]!, rows[at + 1]!, rows[at + 2]!];
      rows[at] = divided(red, alpha);
      rows[at + 1] = divided(green, alpha);
      rows[at + 2] = divided(blue, alpha);
    }
  }
}

function divided(color: number, alpha: number): number {
  return alpha === 0 ? 0 : Math.min(255, Math.round((color * 255) / alpha));
}

/** From the last row to the first, so that the one above is still as it was. Pictures pack better so. */
function filterUp(rows: Buffer, { width, height }: PngHeader, pixelBytes: number): void {
  const rowBytes = 1 + width * pixelBytes;
  rows[0] = 0;
  for (let row = height - 1; row > 0; row -= 1) {
    const start = row * rowBytes;
    rows[start] = 2;
    for (let at = start + 1; at < start + rowBytes; at += 1) {
      rows[at] = rows[at]! - rows[at - rowBytes]!;
    }
  }
}
