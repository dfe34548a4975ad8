import {
  attributeName,
  ElementBudget,
  type ManifestElement,
  type ManifestValue,
} from "../android/manifest-tree.ts";
import { UnreadableError } from "../unreadable.ts";
import { type ProtoField, protoField, protoFields, protoText } from "./proto-fields.ts";
import { MAX_TEXT_BYTES, readProtoItem } from "./proto-item.ts";

/** `aapt.pb.XmlNode`, `XmlElement`, `XmlAttribute` */
const NODE_ELEMENT = 1;
const element = { name: 3, attribute: 4, child: 5 } as const;
const attribute = { namespace: 1, name: 2, value: 3, resourceId: 5, compiled: 6 } as const;

/**
 * Reads XML as aapt2 writes it for bundles (`aapt.pb.XmlNode`) into its root element. Throws `UnreadableError`: `damaged` where it is
 * none, `limit` beyond what is read.
 */
export function readProtoXml(file: Buffer, where: string): ManifestElement {
  const root = protoField(file, NODE_ELEMENT, where);
  if (!root) throw new UnreadableError("damaged", `The ${where} has no element.`, where);
  return readElement(root.bytes, where, new ElementBudget(where), 1);
}

function readElement(message: Buffer, where: string, budget: ElementBudget, depth: number): ManifestElement {
  budget.takeElement(depth);
  let name = "";
  const attributes = new Map<string, ManifestValue>();
  const children: Buffer[] = [];
  for (const field of protoFields(message, where)) {
    if (field.number === element.name) name = protoText(field, MAX_TEXT_BYTES);
    if (field.number === element.attribute) {
      budget.takeAttributes(1);
      const read = readAttribute(field, where);
      if (read && !attributes.has(read[0])) attributes.set(...read);
    }
    if (field.number !== element.child) continue;
    const child = protoField(field.bytes, NODE_ELEMENT, where);
    if (child) children.push(child.bytes);
  }
  return { name, attributes, children: children.map((one) => readElement(one, where, budget, depth + 1)) };
}

function readAttribute(
  { bytes }: ProtoField,
  where: string,
): readonly [name: string, value: ManifestValue] | undefined {
  let namespace = "";
  let local = "";
  let text = "";
  let resourceId = 0;
  let compiled: ManifestValue | undefined;
  for (const field of protoFields(bytes, where)) {
    if (field.number === attribute.namespace) namespace = protoText(field, MAX_TEXT_BYTES);
    if (field.number === attribute.name) local = protoText(field, MAX_TEXT_BYTES);
    if (field.number === attribute.value) text = protoText(field, MAX_TEXT_BYTES);
    if (field.number === attribute.resourceId) resourceId = field.value;
    if (field.number === attribute.compiled) compiled = readProtoItem(field.bytes, where);
  }
  const name = attributeName(resourceId, namespace, local, true);
  return name === undefined ? undefined : [name, compiled ?? { kind: "text", text }];
}
