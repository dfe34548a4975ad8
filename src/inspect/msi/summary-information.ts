import { ByteReader } from "../byte-reader.ts";
import { decodeText } from "./text-encoding.ts";

/** Real ones have some fifteen. */
const MAX_PROPERTIES = 100;
const MAX_TEXT_BYTES = 4_000;
const VT_I2 = 2;
const VT_I4 = 3;
const VT_LPSTR = 30;
const WHERE = "summary information";

/** What stands in an installer's summary (Windows Installer, Summary Property Descriptions), null for what does not. */
export interface SummaryInformation {
  readonly subject: string | null;
  readonly author: string | null;
  readonly comments: string | null;
  /** Platform and languages: `x64;1033`. */
  readonly template: string | null;
  readonly application: string | null;
  /** The Windows Installer that it needs, times 100: 500 is 5.0. */
  readonly pageCount: number | null;
}

/** Reads the stream of that name ([MS-OLEPS] 2.21: one property set). Throws `UnreadableError`. */
export function readSummaryInformation(stream: Buffer): SummaryInformation {
  // ByteOrder, Version, SystemIdentifier, CLSID, NumPropertySets, FMTID0, Offset0
  const start = new ByteReader(stream, WHERE).skip(44).u32le();
  const set = new ByteReader(stream, WHERE).seek(start).skip(4);
  const count = Math.min(set.u32le(), MAX_PROPERTIES);
  const offsets = new Map(Array.from({ length: count }, () => [set.u32le(), set.u32le()] as const));
  const at = (id: number) => {
    const offset = offsets.get(id);
    return offset === undefined ? undefined : new ByteReader(stream, WHERE).seek(start).skip(offset);
  };
  const codePage = numberAt(at(1)) ?? 0;
  const text = (id: number) => textAt(at(id), codePage);
  return {
    subject: text(3),
    author: text(4),
    comments: text(6),
    template: text(7),
    application: text(18),
    pageCount: numberAt(at(14)),
  };
}

function numberAt(reader: ByteReader | undefined): number | null {
  const type = reader?.u32le();
  if (reader === undefined || (type !== VT_I2 && type !== VT_I4)) return null;
  return type === VT_I2 ? reader.u16le() : reader.u32le();
}

function textAt(reader: ByteReader | undefined, codePage: number): string | null {
  if (reader?.u32le() !== VT_LPSTR) return null;
  const bytes = reader.bytes(reader.u32le()).subarray(0, MAX_TEXT_BYTES);
  const end = bytes.indexOf(0);
  const text = decodeText(end === -1 ? bytes : bytes.subarray(0, end), codePage).trim();
  return text === "" ? null : text;
}
