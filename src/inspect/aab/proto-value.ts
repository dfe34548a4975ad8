import type { ManifestValue } from "../apk/manifest-tree.ts";
import { protobufFields, protobufNumber } from "../protobuf.ts";

const MAX_TEXT_BYTES = 4096;

/**
 * The value of an `Item` (aapt2, Resources.proto): a reference 1, texts 2 to 4, a file 5, a primitive 7. Throws `UnreadableError`.
 */
export function itemValue(item: Uint8Array, where: string): ManifestValue {
  for (const field of protobufFields(item, where)) {
    if (field.kind !== "bytes") continue;
    const { number, value } = field;
    if (number === 1) return referenceValue(value, where);
    if (number >= 2 && number <= 5) return { kind: "text", text: firstText(value, where) };
    if (number === 7) return primitiveValue(value, where);
  }
  return { kind: "other" };
}

/** A `Reference`: its id is field 2; one by name alone was not linked. */
function referenceValue(reference: Uint8Array, where: string): ManifestValue {
  const id = protobufNumber(reference, 2, where);
  return id === undefined ? { kind: "other" } : { kind: "reference", id };
}

/** `String`, `RawString`, `StyledString` and `FileReference` all have their text in field 1. */
function firstText(message: Uint8Array, where: string): string {
  for (const field of protobufFields(message, where)) {
    if (field.number === 1 && field.kind === "bytes") return textOf(field.value);
  }
  return "";
}

/** A `Primitive`: whole numbers are 6 and 7, a boolean is 8; colours and dimensions are not read. */
function primitiveValue(primitive: Uint8Array, where: string): ManifestValue {
  for (const field of protobufFields(primitive, where)) {
    if (field.kind !== "varint") continue;
    if (field.number === 6 || field.number === 7) return { kind: "number", number: field.value % 2 ** 32 };
    if (field.number === 8) return { kind: "boolean", value: field.value !== 0 };
  }
  return { kind: "other" };
}

/** Texts in protobuf are UTF-8. A text beyond any sensible length is cut. */
export function textOf(bytes: Buffer): string {
  return bytes.toString("utf8", 0, Math.min(bytes.length, MAX_TEXT_BYTES));
}
