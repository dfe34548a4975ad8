import fc from "fast-check";
import type { CanonicalValue } from "../canonical-value.ts";

/** Doubles that have a canonical form, half- and single-precision ones (subnormals too) as often as others. */
const numbers = fc
  .oneof(
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: 0, max: 0xffff }).map(halfPrecision),
  )
  .filter((value) => Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)));

/** Well-formed text with characters where sort orders, UTF-8 lengths and runtimes differ. */
const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(
      "a",
      "b",
      "\u0000",
      "\u00e9",
      "\u20ac",
      "\ue000",
      "\ufeff",
      "\uffff",
      "\u{10000}",
      "\u{10ffff}",
    ),
  }),
  fc.constantFrom("__proto__", "constructor", "toJSON", "hasOwnProperty", ""),
);

const { value } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    numbers,
    texts,
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(fc.tuple(texts, tie("value")), { maxLength: 8 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

/** Any value that the canonical encoding carries. */
export const canonicalValues: fc.Arbitrary<CanonicalValue> = value;

function halfPrecision(bits: number): number {
  const view = new DataView(new ArrayBuffer(2));
  view.setUint16(0, bits);
  return view.getFloat16(0);
}
