import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

const MAX_STRINGS = 500;
const MAX_KEY_LENGTH = 256;
/** VS_FIXEDFILEINFO.dwSignature */
const FIXED_SIGNATURE = 0xfeef04bd;
const WHERE = "version resource";

/** What a version resource says (winver: VS_VERSIONINFO). */
export interface VersionResource {
  /** As four numbers, `1.4.0.1042`; null when it has none. */
  readonly fileVersion: string | null;
  readonly productVersion: string | null;
  /** ProductName, CompanyName, FileVersion and others, in the first language that has each; trimmed, and never empty. */
  readonly strings: ReadonlyMap<string, string>;
}

/** Reads a version resource. Throws `UnreadableError`. */
export function readVersionResource(resource: Buffer): VersionResource {
  const root = readBlock(new ByteReader(resource, WHERE));
  if (root.key !== "VS_VERSION_INFO")
    throw new UnreadableError("damaged", `The program's ${WHERE} is none.`, WHERE);
  const strings = new Map<string, string>();
  for (const info of children(root)) {
    if (info.key !== "StringFileInfo") continue;
    for (const table of children(info)) readStrings(table, strings);
  }
  return { ...readFixed(root.value), strings };
}

/** Every part is `WORD wLength, wValueLength, wType; WCHAR szKey[]; Padding; Value; Padding; Children`. */
interface Block {
  readonly key: string;
  readonly value: Buffer;
  readonly rest: ByteReader;
}

function readBlock(reader: ByteReader): Block {
  const start = reader.offset;
  const length = reader.u16le();
  // A length that does not even cover itself would never get to an end.
  if (length < 6) throw new UnreadableError("damaged", `The program's ${WHERE} has an empty part.`, WHERE);
  // Some compilers count one byte too many in the last part.
  const block = reader.seek(start).part(Math.min(length, reader.left)).skip(2);
  const valueLength = block.u16le();
  const isText = block.u16le() === 1;
  const key = readText(block);
  align(block);
  // The value of a text is counted in characters, others in bytes; some compilers count bytes for all.
  const value = block.bytes(Math.min(isText ? valueLength * 2 : valueLength, block.left));
  align(block);
  return { key, value, rest: block };
}

function children({ rest }: Block): Block[] {
  const blocks: Block[] = [];
  while (rest.left >= 6 && blocks.length < MAX_STRINGS) {
    blocks.push(readBlock(rest));
    align(rest);
  }
  return blocks;
}

function readStrings(table: Block, strings: Map<string, string>): void {
  for (const { key, value } of children(table)) {
    const text = textOf(value);
    if (text !== "" && !strings.has(key) && strings.size < MAX_STRINGS) strings.set(key, text);
  }
}

function textOf(value: Buffer): string {
  const text = value.toString("utf16le");
  const end = text.indexOf("\0");
  return (end === -1 ? text : text.slice(0, end)).trim();
}

/** Text that ends with a zero. */
function readText(reader: ByteReader): string {
  const units: number[] = [];
  for (let unit = reader.u16le(); unit !== 0; unit = reader.u16le()) {
    if (units.length === MAX_KEY_LENGTH) {
      throw new UnreadableError("damaged", `The program's ${WHERE} has a name without end.`, WHERE);
    }
    units.push(unit);
  }
  return String.fromCharCode(...units);
}

/** Parts stand at multiples of four, and so does what is in them: from the part's start and from the resource's. */
function align(reader: ByteReader): void {
  const padding = (4 - (reader.offset % 4)) % 4;
  reader.skip(Math.min(padding, reader.left));
}

/** VS_FIXEDFILEINFO: signature, struct version, file version (two words each in two numbers), product version, … */
function readFixed(value: Buffer): Pick<VersionResource, "fileVersion" | "productVersion"> {
  const reader = new ByteReader(value, WHERE);
  if (value.length < 24 || reader.u32le() !== FIXED_SIGNATURE)
    return { fileVersion: null, productVersion: null };
  reader.skip(4);
  return { fileVersion: readNumbers(reader), productVersion: readNumbers(reader) };
}

function readNumbers(reader: ByteReader): string {
  const [minor, major, last, third] = [reader.u16le(), reader.u16le(), reader.u16le(), reader.u16le()];
  return [major, minor, third, last].join(".");
}
