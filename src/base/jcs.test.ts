import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CanonicalValue, decodeCanonical, encodeCanonical } from "./cbor.ts";
import { MAX_DEPTH } from "./canonical-value.ts";
import { canonicalJson, toJson } from "./jcs.ts";
import { canonicalValues } from "./vectors/arbitraries.ts";
import { type JcsVectors, readVectors } from "./vectors/read-vectors.ts";

const vectors = readVectors<JcsVectors>("rfc8785.json");

function doubleOf(ieee754: string): number {
  return new DataView(Uint8Array.fromHex(ieee754).buffer).getFloat64(0);
}

describe("canonicalJson", () => {
  it.each(vectors.numbers)("writes the double $ieee754 as $json", ({ ieee754, json }) => {
    const value = doubleOf(ieee754);
    if (json === null) {
      expect(() => canonicalJson(value)).toThrow(
        expect.objectContaining({ code: "encoding.unsupported_value" }),
      );
    } else {
      expect(canonicalJson(value)).toBe(json);
    }
  });

  it.each(vectors.values)("writes $input canonically", ({ input, canonical }) => {
    expect(canonicalJson(JSON.parse(input) as CanonicalValue)).toBe(canonical);
  });

  it("is JSON for the projection", () => {
    fc.assert(
      fc.property(canonicalValues, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(toJson(value));
      }),
    );
  });

  it("is the same for a value and for its encoding, so a manifest and its JSON form cannot differ", () => {
    fc.assert(
      fc.property(canonicalValues, (value) => {
        expect(canonicalJson(decodeCanonical(encodeCanonical(value)))).toBe(canonicalJson(value));
      }),
    );
  });
});

describe("toJson", () => {
  it("writes byte strings in lower-case hexadecimal and −0 as 0", () => {
    expect(toJson({ digest: Buffer.from("00ABff", "hex"), empty: new Uint8Array(), zero: -0 })).toStrictEqual(
      {
        digest: "00abff",
        empty: "",
        zero: 0,
      },
    );
  });

  it("keeps a key __proto__ as data", () => {
    const value = JSON.parse('{"__proto__":{"polluted":1}}') as CanonicalValue;
    expect(Object.keys(toJson(value) as object)).toEqual(["__proto__"]);
    expect(canonicalJson(value)).toBe('{"__proto__":{"polluted":1}}');
  });

  it("accepts the deepest nesting allowed and no deeper", () => {
    const deepest = JSON.parse("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH)) as CanonicalValue;
    expect(toJson(deepest)).toEqual(deepest);
    expect(() => toJson([deepest])).toThrow(expect.objectContaining({ code: "encoding.unsupported_value" }));
  });

  it.each<[string, unknown, string]>([
    ["NaN", { a: [Number.NaN] }, "/a/0"],
    ["Infinity", -Infinity, ""],
    ["a lone surrogate", ["a", "\udfff"], "/1"],
    ["a lone surrogate in a key", { "k\ud800": 1 }, "/k\ufffd"],
    ["undefined, which JSON.stringify would drop", { a: undefined }, "/a"],
    // eslint-disable-next-line no-sparse-arrays
    ["a hole in an array", [, 1], "/0"],
    ["a bigint", { n: 1n }, "/n"],
    ["a function", { toJSON: () => 1 }, "/toJSON"],
    ["a symbol as a key", [{ [Symbol("s")]: 1 }], "/0"],
    ["a Date, which JSON.stringify would turn into text", [new Date(0)], "/0"],
    ["a Map", new Map(), ""],
  ])("refuses %s and says where it stands", (_name, value, path) => {
    expect(() => toJson(value as CanonicalValue)).toThrow(
      expect.objectContaining({ code: "encoding.unsupported_value", details: { path } }),
    );
  });
});
