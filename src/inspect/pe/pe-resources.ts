import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { directory, offsetOf, type PeHeaders } from "./pe-headers.ts";

/** The kinds of resources that are looked at (winuser.h, RT_…). */
export const resourceType = { icon: 3, iconGroup: 14, version: 16, manifest: 24 } as const;

/** Directories with more entries than real programs have icons only serve to keep readers busy. */
const MAX_DIRECTORY_ENTRIES = 4096;
const WHERE = "resources";

/**
 * Reads one resource: the one with this id, or the first of its type, in the first language. Undefined when there is none. The tree of
 * resources is type, name, language ("PE Format", The .rsrc Section): three steps, so that directories that point at themselves lead
 * nowhere. Throws `UnreadableError`: `limit` when it is longer than `limitBytes`.
 */
export async function readResource(
  bytes: RandomAccess,
  headers: PeHeaders,
  type: number,
  limitBytes: number,
  id?: number,
): Promise<Buffer | undefined> {
  const root = headers.directories[directory.resources];
  if (root === undefined || root.rva === 0) return undefined;
  const start = offsetOf(headers, root.rva, WHERE);
  const names = await find(bytes, start, 0, type);
  const languages = names && (await find(bytes, start, below(names), id));
  const language = languages && (await find(bytes, start, below(languages), undefined));
  if (language === undefined) return undefined;
  if (isDirectory(language)) throw damaged("nest deeper than type, name and language");
  const entry = new ByteReader(await read(bytes, start + language, 16), WHERE);
  const offset = offsetOf(headers, entry.u32le(), WHERE);
  const sizeBytes = entry.u32le();
  if (sizeBytes > limitBytes) {
    throw new UnreadableError(
      "limit",
      `A resource of ${sizeBytes} bytes is longer than the ${limitBytes} that are read.`,
      WHERE,
    );
  }
  return read(bytes, offset, sizeBytes);
}

/** Where an entry of a directory leads, by its id, or that of the first one. */
async function find(
  bytes: RandomAccess,
  start: number,
  at: number,
  id: number | undefined,
): Promise<number | undefined> {
  const head = new ByteReader(await read(bytes, start + at, 16), WHERE).skip(12);
  const count = head.u16le() + head.u16le();
  if (count > MAX_DIRECTORY_ENTRIES) {
    throw new UnreadableError(
      "limit",
      `A directory of resources claims ${count} entries; ${MAX_DIRECTORY_ENTRIES} are read.`,
      WHERE,
    );
  }
  const entries = new ByteReader(await read(bytes, start + at + 16, count * 8), WHERE);
  for (let index = 0; index < count; index += 1) {
    // Bit 31 set: the entry has a name, which no id equals.
    const name = entries.u32le();
    const target = entries.u32le();
    if (id === undefined || name === id) return target;
  }
  return undefined;
}

/** "Offset … High bit 1. The lower 31 bits are the address of another resource directory table". */
function isDirectory(target: number): boolean {
  return target >= 0x80000000;
}

function below(target: number): number {
  if (!isDirectory(target)) throw damaged("have data where a directory belongs");
  return target - 0x80000000;
}

async function read(bytes: RandomAccess, offset: number, length: number): Promise<Buffer> {
  const found = await readExactly(bytes, offset, length);
  if (found) return found;
  throw damaged("reach beyond the end of the file");
}

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The program's resources ${problem}.`, WHERE);
}
