import type { Resources, ResourceValue } from "../apk/resources.ts";
import { protobufBytes, protobufFields, protobufNumber } from "../protobuf.ts";
import { itemValue } from "./proto-value.ts";

const WHERE = "resource table";
/** `Configuration`, aapt2's Configuration.proto: the density in dots per inch. */
const DENSITY = 18;

/**
 * The resources of a module, a `ResourceTable` of aapt2's Resources.proto. They are looked for only when asked for: a table of hundreds of
 * thousands is walked over and not held. Asking throws `UnreadableError` where the table is damaged.
 */
export function readProtoResources(file: Uint8Array): Resources {
  return {
    lookup: (id) => [...valuesOf(file, id >>> 24, (id >>> 16) & 0xff, id & 0xffff)],
  };
}

/** Packages are field 2 of the table, types 3 of a package, entries 3 of a type, values 6 of an entry. */
function* valuesOf(
  table: Uint8Array,
  packageId: number,
  typeId: number,
  entryId: number,
): Generator<ResourceValue, void, undefined> {
  for (const inPackage of withId(table, 2, packageId)) {
    for (const inType of withId(inPackage, 3, typeId)) {
      for (const entry of withId(inType, 3, entryId)) {
        for (const field of protobufFields(entry, WHERE)) {
          if (field.number !== 6 || field.kind !== "bytes") continue;
          const value = configValue(field.value);
          if (value) yield value;
        }
      }
    }
  }
}

/** The messages in a field whose own id is this one: it is a message in field 1 with a number in field 1, or none for 0. */
function* withId(message: Uint8Array, field: number, id: number): Generator<Buffer, void, undefined> {
  for (const one of protobufFields(message, WHERE)) {
    if (one.number !== field || one.kind !== "bytes") continue;
    const own = protobufBytes(one.value, 1, WHERE);
    if (own !== undefined && (protobufNumber(own, 1, WHERE) ?? 0) === id) yield one.value;
  }
}

/** `ConfigValue`: the kind of device is field 1, the value 2, whose plain item is 4; styles and arrays are not read. */
function configValue(message: Buffer): ResourceValue | undefined {
  const config = protobufBytes(message, 1, WHERE) ?? Buffer.alloc(0);
  const value = protobufBytes(message, 2, WHERE);
  const item = value && protobufBytes(value, 4, WHERE);
  if (item === undefined) return undefined;
  return {
    density: protobufNumber(config, DENSITY, WHERE) ?? 0,
    isDefault: config.length === 0,
    value: itemValue(item, WHERE),
  };
}
