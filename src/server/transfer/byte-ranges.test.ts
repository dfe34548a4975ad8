import { describe, expect, it } from "vitest";

import { chooseRanges } from "./byte-ranges.ts";

const many = (count: number) =>
  `bytes=${Array.from({ length: count }, (_, n) => `${n * 2}-${n * 2}`).join()}`;

describe("the ranges a request gets of 100 bytes", () => {
  it.each([
    ["bytes=0-0", [[0, 0]]],
    ["bytes=0-99", [[0, 99]]],
    ["bytes=10-", [[10, 99]]],
    ["bytes=99-1000", [[99, 99]]],
    ["bytes=-1", [[99, 99]]],
    ["bytes=-1000", [[0, 99]]],
    ["BYTES=1-2", [[1, 2]]],
    [`bytes=0-${"9".repeat(400)}`, [[0, 99]]],
    ["bytes=0-1, 5-6 ,-2", [[0, 1], [5, 6], [98, 99]]], // prettier-ignore
    ["bytes=50-60,10-20", [[50, 60], [10, 20]]], // prettier-ignore
    ["bytes=0-1,100-", [[0, 1]]],
  ] as const)("%s", (header, expected) => {
    expect(chooseRanges(header, 100)).toEqual(expected.map(([start, end]) => ({ start, end })));
  });

  it.each(["lines=1-2", "bytes", "", "bytes=0-10,10-20", "bytes=-1,0-", many(17)])(
    "%s is the whole",
    (header) => {
      expect(chooseRanges(header, 100)).toBe("whole");
    },
  );

  it.each([
    "bytes=100-",
    `bytes=${"9".repeat(400)}-`,
    "bytes=-0",
    "bytes=5-2",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=1",
    "bytes=--1",
    "bytes=0-1,",
    "bytes=0x1-2",
    "bytes=1.5-2",
  ])("%s is refused", (header) => {
    expect(chooseRanges(header, 100)).toBe("unsatisfiable");
  });

  it("are at most 16", () => {
    expect(chooseRanges(many(16), 100)).toHaveLength(16);
  });

  it("are none of an empty object, but its last bytes are all of it", () => {
    expect(chooseRanges("bytes=0-", 0)).toBe("unsatisfiable");
    expect(chooseRanges("bytes=0-0", 0)).toBe("unsatisfiable");
    expect(chooseRanges("bytes=-5", 0)).toBe("whole");
  });
});
