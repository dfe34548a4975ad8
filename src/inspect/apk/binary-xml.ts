import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { chunkTypes, readChunk } from "./chunks.ts";
import {
  attributeName,
  ElementBudget,
  type ManifestElement,
  type ManifestValue,
} from "../android/manifest-tree.ts";
import { StringPool } from "./string-pool.ts";
import { readTypedValue } from "./typed-value.ts";

const WHERE = "AndroidManifest.xml";
/** `ResXMLTree_attribute`: namespace, name, raw value and a `Res_value`. */
const ATTRIBUTE_BYTES = 20;

interface OpenElement extends ManifestElement {
  readonly children: ManifestElement[];
}

/**
 * Reads compiled XML (`ResXMLTree`) into its root element. Throws `UnreadableError`: `damaged` where it is none, `limit` beyond what is
 * read.
 */
export function readBinaryXml(file: Uint8Array): ManifestElement {
  const outer = new ByteReader(file, WHERE);
  const xml = readChunk(outer, WHERE);
  if (xml.type !== chunkTypes.xml) throw damaged("is no compiled XML");
  const reader = xml.reader.seek(xml.headerBytes);
  let strings: StringPool | undefined;
  let ids: ByteReader | undefined;
  let root: ManifestElement | undefined;
  const budget = new ElementBudget(WHERE);
  const open: OpenElement[] = [];
  while (reader.left > 0) {
    const chunk = readChunk(reader, WHERE);
    const body = chunk.reader.seek(chunk.headerBytes);
    if (chunk.type === chunkTypes.stringPool)
      strings ??= new StringPool(chunk.reader, chunk.headerBytes, WHERE);
    if (chunk.type === chunkTypes.resourceMap) ids ??= body.part(body.left);
    if (chunk.type === chunkTypes.endElement) open.pop();
    if (chunk.type !== chunkTypes.startElement) continue;
    if (!strings) throw damaged("has elements before its strings");
    const element = readElement(body, chunk.headerBytes, strings, ids);
    budget.takeElement(open.length + 1);
    budget.takeAttributes(element.attributes.size);
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  }
  if (!root) throw damaged("has no element");
  return root;
}

function readElement(
  reader: ByteReader,
  headerBytes: number,
  strings: StringPool,
  ids: ByteReader | undefined,
): OpenElement {
  const name = strings.get(reader.skip(4).u32le()) ?? "";
  const start = headerBytes + reader.u16le();
  const stride = reader.u16le();
  const count = reader.u16le();
  if (count > 0 && stride < ATTRIBUTE_BYTES) throw damaged("has attributes that are too small");
  const attributes = new Map<string, ManifestValue>();
  for (let index = 0; index < count; index += 1) {
    reader.seek(start + index * stride);
    const namespace = strings.get(reader.u32le()) ?? "";
    const nameIndex = reader.u32le();
    const value = readTypedValue(reader.skip(4), strings);
    const attribute = attributeName(idOf(ids, nameIndex), namespace, strings.get(nameIndex) ?? "");
    // Of two with one name Android takes the first.
    if (attribute !== undefined && !attributes.has(attribute)) attributes.set(attribute, value);
  }
  return { name, attributes, children: [] };
}

/** The n-th name's resource id; 0 for names without one. */
function idOf(ids: ByteReader | undefined, nameIndex: number): number {
  if (!ids || (nameIndex + 1) * 4 > ids.sizeBytes) return 0;
  return ids.seek(nameIndex * 4).u32le();
}

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The ${WHERE} ${problem}.`, WHERE);
}
