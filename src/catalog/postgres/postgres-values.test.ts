import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { columnTypes, toParameter } from "./postgres-values.ts";

const [text, int8, numeric, bytea] = [25, 20, 1700, 17].map((oid) => columnTypes.getTypeParser(oid));

describe("text", () => {
  it("with U+0000 goes in without it and comes out with it", () => {
    const units = fc.constantFrom("a", "0", "1", "\0", "\u{10FFFF}", "\u{10FFFE}", "é");
    fc.assert(
      fc.property(fc.string({ unit: units }), (value) => {
        const sent = toParameter(value) as string;
        expect(sent).not.toContain("\0");
        expect(text!(sent)).toBe(value);
      }),
    );
  });

  it("without it goes in as it is", () => {
    for (const value of ["", "a", "\u{1F680}", 1, null, undefined]) expect(toParameter(value)).toBe(value);
  });
});

describe("numbers", () => {
  it("are numbers, also sums", () => {
    expect([int8!("-9007199254740991"), numeric!("42")]).toEqual([-9007199254740991, 42]);
  });

  // A number that is rounded in silence is a wrong size or a wrong event.
  it("that are not exact are refused", () => {
    for (const value of ["9007199254740993", "-9223372036854775808", "1.5"]) {
      expect(() => int8!(value)).toThrow(/exact/);
      expect(() => numeric!(value)).toThrow(/exact/);
    }
  });
});

describe("bytes", () => {
  it("are bytes", () => {
    expect(bytea!(String.raw`\x00ff10`)).toEqual(Uint8Array.of(0, 255, 16));
    expect(bytea!(String.raw`\x`)).toEqual(new Uint8Array());
  });
});
