import { crc32 } from "node:zlib";
import { expect, it } from "vitest";

import { crc32OfZeros } from "./crc32-zeros.ts";

it.each([0, 1, 2, 511, 512, 4096, 1_000_003])("the CRC-32 past %i zeros is the one of all bytes", (count) => {
  for (const start of ["", "a", "some text"]) {
    const before = crc32(start);
    expect(crc32OfZeros(count, before)).toBe(crc32(Buffer.alloc(count), before));
  }
});

it("the CRC-32 past a petabyte of zeros comes at once", () => {
  const half = crc32OfZeros(2 ** 49, 0x12345678);
  expect(crc32OfZeros(2 ** 50, 0x12345678)).toBe(crc32OfZeros(2 ** 49, half));
});
