import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { isPng, readPngChunks, readPngHeader } from "./png.ts";

/** There are some twenty kinds of pictures. */
const MAX_PICTURES = 100;
/** Pages show no larger ones. */
const MAX_SIDE = 512;

/**
 * The largest PNG picture of up to 512 pixels in an icon file (`icns`, its length, then pictures with a type and a length each);
 * null when all are in other forms. Throws `UnreadableError`.
 */
export function largestPicture(bytes: Buffer, where: string): Buffer | null {
  const reader = new ByteReader(bytes, where);
  if (reader.bytes(4).toString("latin1") !== "icns") {
    throw new UnreadableError("damaged", `${where} is no icon file.`, where);
  }
  reader.skip(4);
  let best: Buffer | null = null;
  let bestSide = 0;
  for (let count = 0; reader.left >= 8 && count < MAX_PICTURES; count += 1) {
    reader.skip(4);
    const picture = reader.bytes(reader.u32be() - 8);
    if (!isPng(picture)) continue;
    const { width } = readPngHeader(readPngChunks(picture, where), where);
    if (width > bestSide && width <= MAX_SIDE) [best, bestSide] = [picture, width];
  }
  return best;
}
