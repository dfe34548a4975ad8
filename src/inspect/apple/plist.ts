import { UnreadableError } from "../unreadable.ts";
import { readBinaryPlist } from "./plist-binary.ts";
import { isDict, type PlistDict, type PlistValue } from "./plist-value.ts";
import { readXmlPlist } from "./plist-xml.ts";

const BINARY_MAGIC = "bplist";

/**
 * Reads a property list, binary or XML. `where` names it in errors. Throws `UnreadableError`: `damaged`, or `limit` for one that is
 * nested deeper or unfolds to more values than is read here.
 */
export function readPlist(bytes: Uint8Array, where: string): PlistValue {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return content.toString("latin1", 0, BINARY_MAGIC.length) === BINARY_MAGIC
    ? readBinaryPlist(content, where)
    : readXmlPlist(content, where);
}

/** Reads a property list whose outermost value is a dictionary; another value is `damaged`. */
export function readPlistDict(bytes: Uint8Array, where: string): PlistDict {
  const value = readPlist(bytes, where);
  if (isDict(value)) return value;
  throw new UnreadableError("damaged", `${where} is a property list without keys.`, where);
}
