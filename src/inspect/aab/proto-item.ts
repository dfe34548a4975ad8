import type { ManifestValue } from "../android/manifest-tree.ts";
import { type ProtoField, protoField, protoFields, protoText } from "./proto-fields.ts";

/** As for the strings of an APK. */
export const MAX_TEXT_BYTES = 64 * 1024;

/** `aapt.pb.Item` */
const item = { reference: 1, string: 2, rawString: 3, styledString: 4, file: 5, primitive: 7 } as const;
const REFERENCE_ID = 2;
/** In each of `String`, `RawString`, `StyledString` and `FileReference`. */
const TEXT = 1;
/** `aapt.pb.Primitive` */
const primitive = { decimal: 6, hexadecimal: 7, boolean: 8 } as const;
const OTHER: ManifestValue = { kind: "other" };

/** Reads one `aapt.pb.Item`: what a compiled attribute or a resource is. Throws `UnreadableError`. */
export function readProtoItem(message: Buffer, where: string): ManifestValue {
  let value = OTHER;
  for (const field of protoFields(message, where)) value = valueOf(field, where) ?? value;
  return value;
}

function valueOf({ number, bytes }: ProtoField, where: string): ManifestValue | undefined {
  switch (number) {
    case item.reference: {
      const id = protoField(bytes, REFERENCE_ID, where)?.value ?? 0;
      return id === 0 ? OTHER : { kind: "reference", id };
    }
    case item.string:
    case item.rawString:
    case item.styledString:
    case item.file: {
      const text = protoField(bytes, TEXT, where);
      return { kind: "text", text: text ? protoText(text, MAX_TEXT_BYTES) : "" };
    }
    case item.primitive:
      return primitiveOf(bytes, where);
    default:
      return undefined;
  }
}

function primitiveOf(message: Buffer, where: string): ManifestValue {
  for (const { number, value } of protoFields(message, where)) {
    if (number === primitive.boolean) return { kind: "boolean", value: value !== 0 };
    if (number === primitive.decimal || number === primitive.hexadecimal) {
      return { kind: "number", number: value };
    }
  }
  return OTHER;
}
