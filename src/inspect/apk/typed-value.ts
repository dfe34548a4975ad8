import type { ByteReader } from "../byte-reader.ts";
import type { ManifestValue } from "../android/manifest-tree.ts";
import type { StringPool } from "./string-pool.ts";

/** `Res_value.dataType` as far as manifests use it. */
const REFERENCE = 0x01;
const STRING = 0x03;
const DYNAMIC_REFERENCE = 0x07;
const FIRST_INTEGER = 0x10;
const BOOLEAN = 0x12;
const LAST_INTEGER = 0x1f;

/** Reads a `Res_value`: its size and a reserved byte, the kind, and 32 bits. Throws `UnreadableError`. */
export function readTypedValue(reader: ByteReader, strings: StringPool): ManifestValue {
  const dataType = reader.skip(3).u8();
  return typedValue(dataType, reader.u32le(), strings);
}

export function typedValue(dataType: number, data: number, strings: StringPool): ManifestValue {
  if (dataType === STRING) {
    const text = strings.get(data);
    return text === undefined ? { kind: "other" } : { kind: "text", text };
  }
  if (dataType === REFERENCE || dataType === DYNAMIC_REFERENCE) return { kind: "reference", id: data };
  if (dataType === BOOLEAN) return { kind: "boolean", value: data !== 0 };
  if (dataType >= FIRST_INTEGER && dataType <= LAST_INTEGER) return { kind: "number", number: data };
  return { kind: "other" };
}
