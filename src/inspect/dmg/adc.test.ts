import { expect, it } from "vitest";

import { unpackAdc } from "./adc.ts";

/** Literals `82 …`, a short match of 4 from 2 back `04 01`, a long one of 5 from 1 back `41 0000`. */
const packed = Buffer.from("82616263" + "0401" + "410000", "hex");
const content = Buffer.from("abc" + "bcbc" + "ccccc");

it("Apple Data Compression unpacks literals, short and long matches", () => {
  expect(unpackAdc(packed, content.length)).toEqual(content);
});

it.each([
  ["that is cut off", packed.subarray(0, -1), content.length],
  ["for less than it makes", packed, content.length - 1],
  ["for more than it makes", packed, content.length + 1],
  ["that reaches before its start", Buffer.from("80610402", "hex"), 5],
  ["with bytes behind it", Buffer.concat([packed, Buffer.from("00", "hex")]), content.length],
])("Apple Data Compression %s is refused", (_, bytes, sizeBytes) => {
  expect(unpackAdc(bytes, sizeBytes)).toBeNull();
});
