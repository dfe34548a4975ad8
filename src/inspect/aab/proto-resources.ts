import type { Resources, ResourceValue } from "../android/resources.ts";
import { UnreadableError } from "../unreadable.ts";
import { protoField, protoFields } from "./proto-fields.ts";
import { readProtoItem } from "./proto-item.ts";

/** Resources, and the packages and types that they are in. Large apps have some 100,000. */
const MAX_ENTRIES = 300_000;
/** Of the resources that are asked for, all together: each has one for a language or a kind of screen. */
const MAX_VALUES = 100_000;

/** `aapt.pb.ResourceTable.package` */
const PACKAGE = 2;
/** `Package.package_id`, `Type.type_id` and `Entry.entry_id`, messages with the number alone. */
const PART_ID = 1;
const ID = 1;
/** `Package.type` and `Type.entry` */
const CHILDREN = 3;
/** `Entry.config_value`, and what is in it */
const CONFIG_VALUE = 6;
const configValue = { config: 1, value: 2 } as const;
const VALUE_ITEM = 4;
const DENSITY = 18;

/**
 * Reads the resources of a bundle's module (`aapt.pb.ResourceTable`). Their values are looked at only when asked for, and once. Throws
 * `UnreadableError`: `damaged` where it is none, `limit` beyond what is read.
 */
export function readProtoResources(file: Buffer, where: string): Resources {
  const entries = entriesById(file, where);
  const read = new Map<number, readonly ResourceValue[]>();
  let left = MAX_VALUES;
  const valuesOf = (entry: Buffer): readonly ResourceValue[] => {
    const values: ResourceValue[] = [];
    for (const { number, bytes } of protoFields(entry, where)) {
      if (number !== CONFIG_VALUE) continue;
      left -= 1;
      if (left < 0) throw tooMany("values", MAX_VALUES, where);
      const value = readValue(bytes, where);
      if (value) values.push(value);
    }
    return values;
  };
  return {
    lookup: (id) => {
      const entry = entries.get(id);
      if (!entry) return [];
      const values = read.get(id) ?? valuesOf(entry);
      read.set(id, values);
      return values;
    },
  };
}

/** The message of each resource, by `0xPPTTEEEE`: package, type and entry. */
function entriesById(file: Buffer, where: string): ReadonlyMap<number, Buffer> {
  const entries = new Map<number, Buffer>();
  let left = MAX_ENTRIES;
  const take = () => {
    left -= 1;
    if (left < 0) throw tooMany("resources", MAX_ENTRIES, where);
  };
  for (const { number, bytes } of protoFields(file, where)) {
    if (number !== PACKAGE) continue;
    take();
    const packageId = partId(bytes, where) & 0xff;
    for (const type of children(bytes, where)) {
      take();
      const typeId = partId(type, where) & 0xff;
      for (const entry of children(type, where)) {
        take();
        const id = ((packageId << 24) | (typeId << 16) | (partId(entry, where) & 0xffff)) >>> 0;
        if (!entries.has(id)) entries.set(id, entry);
      }
    }
  }
  return entries;
}

function* children(message: Buffer, where: string): Generator<Buffer> {
  for (const { number, bytes } of protoFields(message, where)) if (number === CHILDREN) yield bytes;
}

/** 0 where the number is left out, as protobuf writes a 0. */
function partId(message: Buffer, where: string): number {
  const id = protoField(message, PART_ID, where);
  return (id && protoField(id.bytes, ID, where)?.value) ?? 0;
}

/** Undefined for bags (styles, arrays, plurals), which are nothing that a manifest's texts and icons come from. */
function readValue(message: Buffer, where: string): ResourceValue | undefined {
  const value = protoField(message, configValue.value, where);
  const item = value && protoField(value.bytes, VALUE_ITEM, where);
  if (!item) return undefined;
  const config = protoField(message, configValue.config, where)?.bytes ?? Buffer.alloc(0);
  return {
    density: protoField(config, DENSITY, where)?.value ?? 0,
    isDefault: config.length === 0,
    value: readProtoItem(item.bytes, where),
  };
}

function tooMany(what: string, limit: number, where: string): UnreadableError {
  return new UnreadableError(
    "limit",
    `The ${where} has more than the ${limit} ${what} that are read.`,
    where,
  );
}
