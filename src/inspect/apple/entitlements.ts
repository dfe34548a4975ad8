import { type BerNode, readBer } from "../cms/ber.ts";
import { type CodeSignature, partContent, slots } from "../macho/code-signature.ts";
import { UnreadableError } from "../unreadable.ts";
import { readPlistDict } from "./plist.ts";
import { type PlistDict, type PlistValue, isDict } from "./plist-value.ts";

/** Types in the DER form: `[APPLICATION 16]` around all of it, `[16]` for a dictionary. */
const TOP = 0x70;
const DICTIONARY = 0xb0;
const BOOLEAN = 0x01;
const INTEGER = 0x02;
const TEXT = 0x0c;
const LIST = 0x30;
const PAIR = 0x30;
/** There are tens of them, and all come into the facts. */
const MAX_VALUES = 10_000;
const WHERE = "entitlements";

/** What a program may do, in the order of the file; null when it asks for nothing. Both forms, as far as there are both. */
export interface Entitlements {
  readonly xml: PlistDict | null;
  /** What systems since iOS 15 and macOS 12 go by. */
  readonly der: PlistDict | null;
}

/** The entitlements in a signature. Throws `UnreadableError`. */
export function readEntitlements(signature: CodeSignature): Entitlements {
  const xml = partContent(signature, slots.entitlements);
  const der = partContent(signature, slots.entitlementsDer);
  return {
    xml: xml === null ? null : readPlistDict(xml, WHERE),
    der: der === null ? null : readDerEntitlements(der),
  };
}

/** The keys that one form has and the other has not, or with another value. */
export function differingKeys(one: PlistDict, other: PlistDict): string[] {
  const keys = new Set([...one.keys(), ...other.keys()]);
  return [...keys].filter((key) => comparable(one.get(key)) !== comparable(other.get(key)));
}

/** `[APPLICATION 16] { INTEGER 1, dictionary }`; a dictionary is a list of `SEQUENCE { UTF8String, value }`. */
function readDerEntitlements(bytes: Buffer): PlistDict {
  const [version, dictionary] = readBer(bytes).expect(TOP).children();
  if (version === undefined || dictionary === undefined) throw damaged();
  const value = new DerValues().value(dictionary);
  if (!isDict(value)) throw damaged();
  return value;
}

class DerValues {
  #values = 0;

  value(node: BerNode): PlistValue {
    this.#values += 1;
    if (this.#values > MAX_VALUES) {
      throw new UnreadableError("limit", `There are more than ${MAX_VALUES} entitlements.`, WHERE);
    }
    switch (node.tag) {
      case BOOLEAN:
        return node.content.some((byte) => byte !== 0);
      case INTEGER:
        if (node.content.length === 0 || node.content.length > 6) throw damaged();
        return node.content.readIntBE(0, node.content.length);
      case TEXT:
        return node.content.toString("utf8");
      case LIST:
        return node.children().map((item) => this.value(item));
      case DICTIONARY:
        return new Map(node.children().map((pair) => this.#pair(pair)));
      default:
        throw damaged();
    }
  }

  #pair(node: BerNode): readonly [string, PlistValue] {
    const [key, value] = node.expect(PAIR).children();
    if (key === undefined || value === undefined) throw damaged();
    return [key.expect(TEXT).content.toString("utf8"), this.value(value)];
  }
}

/** The same text for the same value. */
function comparable(value: PlistValue | undefined): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (item instanceof Map) return [...(item as PlistDict)].sort(([a], [b]) => (a < b ? -1 : 1));
    return typeof item === "bigint" ? String(item) : item;
  });
}

function damaged(): UnreadableError {
  return new UnreadableError("damaged", "The entitlements in DER are none.", WHERE);
}
