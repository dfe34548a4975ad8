import { decode as decodeCbor2, encode as encodeCbor2, cdeDecodeOptions, cdeEncodeOptions } from "cbor2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CanonicalValue, decodeCanonical, encodeCanonical } from "./cbor.ts";
import { MAX_DEPTH } from "./canonical-value.ts";
import { DistError } from "./errors.ts";
import { toJson } from "./jcs.ts";
import { canonicalValues } from "./vectors/arbitraries.ts";
import { type CborVectors, readVectors } from "./vectors/read-vectors.ts";

const hex = (bytes: Uint8Array): string => bytes.toHex();
const decodeHex = (text: string): CanonicalValue => decodeCanonical(Uint8Array.fromHex(text));

/** The refusal a call raises; fails where it raises none, or something that is not ours. */
function refusalOf(call: () => unknown): DistError {
  try {
    call();
  } catch (error) {
    if (error instanceof DistError) return error;
    throw error;
  }
  throw new Error("Nothing was refused.");
}

function nested(levels: number): CanonicalValue {
  let value: CanonicalValue = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

describe.each(["rfc8949-appendix-a.json", "canonical-cbor.json"])("vectors in %s", (file) => {
  const vectors = readVectors<CborVectors>(file);

  it.each(vectors.accepted)("$hex is $diagnostic", ({ hex: text, diagnostic, json }) => {
    const value = decodeHex(text);
    expect(toJson(value)).toEqual(json);
    expect(hex(encodeCanonical(value))).toBe(text);
    if (!diagnostic.startsWith("h'")) expect(hex(encodeCanonical(json))).toBe(text);
  });

  it.each(vectors.refused)("$hex is refused: $why", ({ hex: text }) => {
    expect(refusalOf(() => decodeHex(text)).code).toBe("encoding.not_canonical");
  });
});

describe("encodeCanonical and another implementation", () => {
  it("write the same bytes", () => {
    const options = { ...cdeEncodeOptions, simplifyNegativeZero: true };
    fc.assert(
      fc.property(canonicalValues, (value) => {
        expect(hex(encodeCanonical(value))).toBe(hex(encodeCbor2(value, options)));
      }),
      { numRuns: 1000 },
    );
  });

  it("read the same values from what is written", () => {
    fc.assert(
      fc.property(canonicalValues, (value) => {
        const bytes = encodeCanonical(value);
        const other = decodeCbor2<CanonicalValue>(bytes, { ...cdeDecodeOptions, rejectDuplicateKeys: true });
        expect(hex(encodeCanonical(other))).toBe(hex(bytes));
        expect(toJson(other)).toEqual(toJson(value));
      }),
    );
  });

  it("agree on every half-precision number: cborg 6.1.5 writes most subnormal ones too long", () => {
    const view = new DataView(new ArrayBuffer(2));
    for (let bits = 0; bits <= 0xffff; bits++) {
      view.setUint16(0, bits);
      const value = view.getFloat16(0);
      if (!Number.isFinite(value) || Number.isInteger(value)) continue;
      const expected = `f9${bits.toString(16).padStart(4, "0")}`;
      if (hex(encodeCanonical(value)) !== expected || decodeHex(expected) !== value) {
        expect.fail(`${expected} does not stand for ${value}`);
      }
    }
  });
});

describe("decodeCanonical", () => {
  it("gives back what was encoded, of the same types", () => {
    fc.assert(
      fc.property(canonicalValues, (value) => {
        expect(toJson(decodeCanonical(encodeCanonical(value)))).toEqual(toJson(value));
      }),
    );
    expect(decodeCanonical(encodeCanonical({ a: [Uint8Array.of(1, 2)] }))).toStrictEqual({
      a: [Uint8Array.of(1, 2)],
    });
  });

  it("accepts no second form of any value: whatever it accepts encodes to the same bytes", () => {
    const items = fc.constantFrom(
      "00",
      "17",
      "1818",
      "20",
      "6161",
      "6162",
      "40",
      "80",
      "81",
      "82",
      "a0",
      "a1",
      "a2",
      "f4",
      "f6",
      "f93e00",
      "f93c00",
      "fa3fc00000",
      "fb3ff199999999999a",
      "1900ff",
      "7f",
      "ff",
      "c1",
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(items, { maxLength: 12 }), (parts) => {
        const bytes = Uint8Array.fromHex(parts.join(""));
        const value = decodedOrRefused(bytes);
        if (value === undefined) return;
        accepted++;
        expect(hex(encodeCanonical(value))).toBe(hex(bytes));
      }),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it("answers every damaged encoding with a refusal or with the value those bytes have", () => {
    const damage = fc.tuple(canonicalValues, fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(damage, ([original, place, flip]) => {
        const bytes = encodeCanonical(original);
        const index = place % bytes.length;
        bytes[index] = (bytes[index] as number) ^ flip;
        const value = decodedOrRefused(bytes);
        if (value !== undefined) expect(hex(encodeCanonical(value))).toBe(hex(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses every proper prefix of an encoding", () => {
    const bytes = encodeCanonical({
      a: [1.5, "\u20ac".repeat(40), new Uint8Array(300)],
      b: { c: null, d: -1e9 },
    });
    for (let end = 0; end < bytes.length; end++) {
      expect(refusalOf(() => decodeCanonical(bytes.subarray(0, end))).code).toBe("encoding.not_canonical");
    }
  });

  it("says where the bytes leave the format, and counts it as damage", () => {
    const refusal = refusalOf(() => decodeHex("8201f7"));
    expect(refusal).toMatchObject({ kind: "corrupt", details: { offset: 3, sizeBytes: 3 } });
  });

  it("makes a key __proto__ an own key and changes no prototype", () => {
    const value = decodeHex("a1695f5f70726f746f5f5fa168706f6c6c7574656401") as Record<string, CanonicalValue>;
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("reads a view into a larger buffer, and copies byte strings out of it", () => {
    const buffer = Uint8Array.fromHex("ffff" + "8243010203f93e00" + "ffff");
    const [bytes, number] = decodeCanonical(buffer.subarray(2, 10)) as [Uint8Array, number];
    buffer.fill(0);
    expect(bytes).toStrictEqual(Uint8Array.of(1, 2, 3));
    expect(number).toBe(1.5);
  });

  it("refuses a million nested arrays without exhausting the stack", () => {
    expect(refusalOf(() => decodeCanonical(new Uint8Array(1_000_000).fill(0x81))).code).toBe(
      "encoding.not_canonical",
    );
  });
});

describe("encodeCanonical", () => {
  it("writes −0 as 0 and integral doubles as integers", () => {
    expect(hex(encodeCanonical([-0, 1.0, 1e3, -2.0]))).toBe("8400011903e821");
  });

  it("writes a Buffer, a view and null-prototype objects as what they hold", () => {
    expect(hex(encodeCanonical(Buffer.from("0102", "hex")))).toBe("420102");
    expect(hex(encodeCanonical(Uint8Array.of(9, 1, 2, 9).subarray(1, 3)))).toBe("420102");
    expect(hex(encodeCanonical(Object.assign(Object.create(null), { a: 1 })))).toBe("a1616101");
  });

  it("gives a plain array of bytes that later calls do not overwrite", () => {
    const first = encodeCanonical("first");
    encodeCanonical("other");
    expect(first).toStrictEqual(Uint8Array.fromHex("656669727374"));
    expect(first.buffer.byteLength).toBe(6);
  });

  it("carries values larger than its first buffer", () => {
    const value = {
      bytes: new Uint8Array(100_000).fill(7),
      list: Array.from({ length: 5000 }, (_, i) => i),
      text: "\u00e9".repeat(70_000),
    };
    expect(decodeCanonical(encodeCanonical(value))).toEqual(value);
  });

  it("does not depend on the order in which keys were set", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.integer()), (entries) => {
        const reversed = Object.fromEntries(Object.entries(entries).toReversed());
        expect(hex(encodeCanonical(reversed))).toBe(hex(encodeCanonical(entries)));
      }),
    );
  });

  it("accepts the deepest nesting allowed and no deeper", () => {
    expect(decodeCanonical(encodeCanonical(nested(MAX_DEPTH)))).toEqual(nested(MAX_DEPTH));
    expect(refusalOf(() => encodeCanonical(nested(MAX_DEPTH + 1))).code).toBe("encoding.unsupported_value");
  });

  it("refuses an object that contains itself", () => {
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    expect(refusalOf(() => encodeCanonical(loop as CanonicalValue)).code).toBe("encoding.unsupported_value");
  });

  it.each<[string, unknown, string]>([
    ["NaN", { a: [1, Number.NaN] }, "/a/1"],
    ["Infinity", Infinity, ""],
    ["-Infinity", [-Infinity], "/0"],
    ["2^53", [2 ** 53], "/0"],
    ["-2^53", [-(2 ** 53)], "/0"],
    ["a large integral double", { n: 1e300 }, "/n"],
    ["a lone high surrogate", { note: "x\ud800" }, "/note"],
    ["a lone low surrogate", ["\udc00"], "/0"],
    ["a lone surrogate in long text", [`${"x".repeat(100)}\ud800`], "/0"],
    ["a lone surrogate in a key", { a: { "\ud800": 1 } }, "/a/\ufffd"],
    ["undefined", { a: undefined }, "/a"],
    // eslint-disable-next-line no-sparse-arrays
    ["a hole in an array", [1, , 3], "/1"],
    ["a bigint", [1n], "/0"],
    ["a bigint beyond the safe range", 2n ** 64n, ""],
    ["a function", { "a/b~": () => 1 }, "/a~1b~0"],
    ["a symbol", [Symbol("s")], "/0"],
    ["a symbol as a key", { a: { [Symbol("s")]: 1 } }, "/a"],
    ["a Date", { at: new Date(0) }, "/at"],
    ["a Map", new Map(), ""],
    ["a Set", new Set(), ""],
    ["another typed array", [new Uint16Array(1)], "/0"],
    ["an ArrayBuffer", [new ArrayBuffer(1)], "/0"],
    ["an instance of a class", [[new (class Thing {})()]], "/0/0"],
    ["a boxed number", Object(1), ""],
    ["an object that inherits", { a: Object.create({ b: 1 }) }, "/a"],
  ])("refuses %s and says where it stands", (_name, value, path) => {
    const refusal = refusalOf(() => encodeCanonical(value as CanonicalValue));
    expect(refusal).toMatchObject({ code: "encoding.unsupported_value", kind: "invalid", details: { path } });
  });
});

function decodedOrRefused(bytes: Uint8Array): CanonicalValue | undefined {
  try {
    return decodeCanonical(bytes);
  } catch (error) {
    expect(error).toMatchObject({ code: "encoding.not_canonical" });
    return undefined;
  }
}
