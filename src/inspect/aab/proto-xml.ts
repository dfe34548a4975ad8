import { attributeName, type ManifestElement, type ManifestValue } from "../apk/manifest-tree.ts";
import { protobufBytes, protobufFields } from "../protobuf.ts";
import { UnreadableError } from "../unreadable.ts";
import { itemValue, textOf } from "./proto-value.ts";

const MAX_DEPTH = 50;
const MAX_ELEMENTS = 50_000;

/**
 * Reads a manifest as bundles have it, an `XmlNode` of aapt2's Resources.proto. Throws `UnreadableError`: `damaged`, and `limit` for
 * trees beyond what is read.
 */
export function readProtoXml(file: Uint8Array, where: string): ManifestElement {
  let left = MAX_ELEMENTS;
  const root = elementOf(file, 0);
  if (!root) throw new UnreadableError("damaged", `The ${where} has no element.`, where);
  return root;

  /** `XmlNode`: an element is field 1, a text 2. */
  function elementOf(node: Uint8Array, depth: number): ManifestElement | undefined {
    const element = protobufBytes(node, 1, where);
    if (element === undefined) return undefined;
    left -= 1;
    if (depth > MAX_DEPTH || left < 0) {
      throw new UnreadableError(
        "limit",
        `The ${where} has more elements, or deeper ones, than are read.`,
        where,
      );
    }
    return readElement(element, depth);
  }

  /** `XmlElement`: its name is field 3, attributes are 4, children are 5. */
  function readElement(element: Uint8Array, depth: number): ManifestElement {
    let name = "";
    const attributes = new Map<string, ManifestValue>();
    const children: ManifestElement[] = [];
    for (const field of protobufFields(element, where)) {
      if (field.kind !== "bytes") continue;
      if (field.number === 3) name = textOf(field.value);
      if (field.number === 4) readAttribute(field.value, attributes);
      if (field.number === 5) {
        const child = elementOf(field.value, depth + 1);
        if (child) children.push(child);
      }
    }
    return { name, attributes, children };
  }

  /** `XmlAttribute`: namespace 1, name 2, text 3, resource id 5, compiled value 6. */
  function readAttribute(attribute: Uint8Array, attributes: Map<string, ManifestValue>): void {
    let [namespace, name] = ["", ""];
    let id = 0;
    let value: ManifestValue = { kind: "text", text: "" };
    for (const field of protobufFields(attribute, where)) {
      if (field.kind === "varint" && field.number === 5) id = field.value;
      if (field.kind !== "bytes") continue;
      if (field.number === 1) namespace = textOf(field.value);
      if (field.number === 2) name = textOf(field.value);
      if (field.number === 3) value = { kind: "text", text: textOf(field.value) };
      if (field.number === 6) value = itemValue(field.value, where);
    }
    const key = namespace === DISTRIBUTION ? `dist:${name}` : attributeName(id, namespace, name, true);
    if (key !== undefined) attributes.set(key, value);
  }
}

/** What of a bundle's manifests is about the delivery of modules. */
const DISTRIBUTION = "http://schemas.android.com/apk/distribution";
