/** Android's compiled files, made by hand, for tests only. */
import { type Zippable, zipSync } from "fflate";

const u16 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16LE(value, index * 2);
  return bytes;
};

const u32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, index * 4);
  return bytes;
};

/** A chunk: type, size of the header, size of all, what else the header has, and the body. */
function chunk(type: number, header: Buffer, ...body: readonly Buffer[]): Buffer {
  const content = Buffer.concat(body);
  return Buffer.concat([
    u16(type, 8 + header.length),
    u32(8 + header.length + content.length),
    header,
    content,
  ]);
}

/** A pool in UTF-8: for each string its length in characters, that in bytes, the bytes and a zero. Strings have less than 128 bytes. */
function stringPool(strings: readonly string[]): Buffer {
  const encoded = strings.map((text) =>
    Buffer.concat([Buffer.from([text.length, Buffer.byteLength(text)]), Buffer.from(text), Buffer.alloc(1)]),
  );
  const offsets = encoded.map((_, index) =>
    encoded.slice(0, index).reduce((sum, { length }) => sum + length, 0),
  );
  const start = 28 + 4 * strings.length;
  const length = encoded.reduce((sum, one) => sum + one.length, 0);
  const padding = Buffer.alloc((4 - (length % 4)) % 4);
  const header = u32(strings.length, 0, 0x100, start, 0);
  return chunk(1, header, u32(...offsets), ...encoded, padding);
}

export type FixtureValue = string | number | boolean | { readonly reference: number };

export interface FixtureElement {
  readonly name: string;
  /** `android:…` of those below, or without a namespace. */
  readonly attributes?: Readonly<Record<string, FixtureValue>>;
  readonly children?: readonly FixtureElement[];
}

const ids: Readonly<Record<string, number>> = {
  "android:label": 0x01010001,
  "android:icon": 0x01010002,
  "android:name": 0x01010003,
  "android:debuggable": 0x0101000f,
  "android:scheme": 0x01010027,
  "android:host": 0x01010028,
  "android:minSdkVersion": 0x0101020c,
  "android:versionCode": 0x0101021b,
  "android:versionName": 0x0101021c,
  "android:targetSdkVersion": 0x01010270,
  "android:maxSdkVersion": 0x01010271,
  "android:testOnly": 0x01010272,
  "android:required": 0x0101028e,
  "android:targetSandboxVersion": 0x0101054c,
  "android:versionCodeMajor": 0x01010576,
};

const NONE = 0xffffffff;
const NAMESPACE = "http://schemas.android.com/apk/res/android";

/** Compiled XML. `nameOf` may hide the attributes' names, as packers do. */
export function binaryXml(root: FixtureElement, nameOf = (name: string): string => name): Buffer {
  const known = Object.keys(ids);
  const strings = known.map((name) => nameOf(name.slice("android:".length)));
  const indexOf = (text: string) => {
    const at = strings.indexOf(text, known.length);
    return at === -1 ? strings.push(text) - 1 : at;
  };
  const typed = (value: FixtureValue): Buffer => {
    const of = (type: number, data: number) => Buffer.concat([u16(8), Buffer.from([0, type]), u32(data)]);
    if (typeof value === "string") return of(3, indexOf(value));
    if (typeof value === "boolean") return of(0x12, value ? NONE : 0);
    return typeof value === "number" ? of(0x10, value) : of(1, value.reference);
  };
  const attribute = ([name, value]: readonly [string, FixtureValue]): Buffer => {
    const isAndroid = name in ids;
    const namespace = isAndroid ? indexOf(NAMESPACE) : NONE;
    return Buffer.concat([
      u32(namespace, isAndroid ? known.indexOf(name) : indexOf(name), NONE),
      typed(value),
    ]);
  };
  const element = ({ name, attributes = {}, children = [] }: FixtureElement): Buffer => {
    const list = Object.entries(attributes).map(attribute);
    const start = Buffer.concat([u32(NONE, indexOf(name)), u16(20, 20, list.length, 0, 0, 0), ...list]);
    const end = u32(NONE, indexOf(name));
    return Buffer.concat([
      chunk(0x0102, u32(1, NONE), start),
      ...children.map(element),
      chunk(0x0103, u32(1, NONE), end),
    ]);
  };
  const body = element(root);
  return chunk(
    3,
    Buffer.alloc(0),
    stringPool(strings),
    chunk(0x0180, Buffer.alloc(0), u32(...Object.values(ids))),
    body,
  );
}

export interface FixtureManifest {
  readonly minSdk?: number;
  readonly targetSdk?: number;
  readonly attributes?: Readonly<Record<string, FixtureValue>>;
  readonly application?: Readonly<Record<string, FixtureValue>>;
  readonly children?: readonly FixtureElement[];
  readonly activities?: readonly FixtureElement[];
}

/** The tree of a manifest of `org.example.acme` 1.4 (42). */
export function manifestTree(manifest: FixtureManifest = {}): FixtureElement {
  return {
    name: "manifest",
    attributes: {
      package: "org.example.acme",
      "android:versionCode": 42,
      "android:versionName": "1.4",
      ...manifest.attributes,
    },
    children: [
      {
        name: "uses-sdk",
        attributes: {
          "android:minSdkVersion": manifest.minSdk ?? 24,
          "android:targetSdkVersion": manifest.targetSdk ?? 29,
        },
      },
      ...(manifest.children ?? []),
      {
        name: "application",
        attributes: { "android:label": "Acme", ...manifest.application },
        ...(manifest.activities && { children: manifest.activities }),
      },
    ],
  };
}

export const androidManifest = (manifest?: FixtureManifest): Buffer => binaryXml(manifestTree(manifest));

/** One value of a resource: for every device, or for screens of one density. */
export interface FixtureResource {
  readonly id: number;
  readonly density?: number;
  readonly language?: string;
  readonly value: FixtureValue;
  readonly encoding?: "plain" | "sparse" | "short" | "compact";
}

/** A resource table whose every value stands in a type of its own. */
export function resourceTable(resources: readonly FixtureResource[]): Buffer {
  const strings: string[] = [];
  const types = resources.map((resource) => typeChunk(resource, strings));
  const packageHeader = Buffer.concat([u32(0x7f), Buffer.alloc(256), u32(0, 0, 0, 0, 0)]);
  return chunk(2, u32(1), stringPool(strings), chunk(0x0200, packageHeader, ...types));
}

function typeChunk(
  { id, density = 0, language = "", value, encoding = "plain" }: FixtureResource,
  strings: string[],
): Buffer {
  const config = Buffer.alloc(64);
  config.writeUInt32LE(64, 0);
  config.write(language, 8, "latin1");
  config.writeUInt16LE(density, 14);
  const [type, data] = typedData(value, strings);
  const entry =
    encoding === "compact"
      ? Buffer.concat([u16(0, 8 | (type << 8)), u32(data)])
      : Buffer.concat([u16(8, 0), u32(0), u16(8), Buffer.from([0, type]), u32(data)]);
  const index = id & 0xffff;
  const before = Array.from({ length: index }, () => NONE);
  const offsets = {
    plain: u32(...before, 0),
    compact: u32(...before, 0),
    sparse: u16(index, 0),
    short: u16(...before.map(() => 0xffff), 0),
  }[encoding];
  const flags = { plain: 0, compact: 0, sparse: 1, short: 2 }[encoding];
  const count = encoding === "sparse" ? 1 : index + 1;
  const header = Buffer.concat([
    Buffer.from([(id >>> 16) & 0xff, flags, 0, 0]),
    u32(count, 20 + 64 + offsets.length),
    config,
  ]);
  return chunk(0x0201, header, offsets, entry);
}

function typedData(value: FixtureValue, strings: string[]): readonly [type: number, data: number] {
  if (typeof value === "string") return [3, strings.push(value) - 1];
  if (typeof value === "number") return [0x10, value];
  return typeof value === "boolean" ? [0x12, value ? NONE : 0] : [1, value.reference];
}

/** An APK that nobody has signed. */
export function apkFile(files: Zippable): Buffer {
  return Buffer.from(zipSync(files, { mtime: "2026-01-01" }));
}
