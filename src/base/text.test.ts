import { describe, expect, it } from "vitest";
import { isWellFormed, naturalBytes, nearest } from "./text.ts";

describe("isWellFormed", () => {
  it("is false for lone surrogates only", () => {
    expect(["", "a", "\u{1f600}", "\ufffd"].map(isWellFormed)).toEqual([true, true, true, true]);
    expect(["\ud83d", "a\ude00", "\ude00\ud83d"].map(isWellFormed)).toEqual([false, false, false]);
  });
});

describe("nearest", () => {
  const commands = ["release", "channel", "package", "token", "store", "app", "ci"];

  it.each([
    ["relase", "release"],
    ["releases", "release"],
    ["chanel", "channel"],
    ["pakcage", "package"],
    ["tokne", "token"],
    ["sotre", "store"],
    ["aps", "app"],
    ["token", "token"],
  ])("takes %s for %s", (word, expected) => {
    expect(nearest(word, commands)).toBe(expected);
  });

  it.each(["", "x", "cd", "upload", "elephant", "rls"])("has no suggestion for %j", (word) => {
    expect(nearest(word, commands)).toBeUndefined();
  });

  it("counts a swap of neighbours as one edit: two would be more than a third of three letters", () => {
    expect(nearest("apk", ["akp"])).toBe("akp");
    expect(nearest("apk", ["kap"])).toBeUndefined();
  });

  it("prefers the smaller distance, then the earlier candidate", () => {
    expect(nearest("stores", ["stories", "store", "stored"])).toBe("stories");
    expect(nearest("stores", ["shorted", "stored"])).toBe("stored");
  });

  it("does not compare words of megabytes", () => {
    expect(nearest("a".repeat(5_000_000), ["a".repeat(5_000_000)])).toBeUndefined();
    expect(nearest("store", ["a".repeat(5_000_000)])).toBeUndefined();
  });
});

describe("naturalBytes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [1_048_524, "1023.9 KiB"],
    [1_048_525, "1.0 MiB"],
    [1_572_864, "1.5 MiB"],
    [2 ** 30, "1.0 GiB"],
    [16 * 2 ** 30, "16.0 GiB"],
    [2 ** 40, "1.0 TiB"],
    [Number.MAX_SAFE_INTEGER, "8.0 PiB"],
    [2 ** 61, "2048.0 PiB"],
  ])("writes %d as %s", (sizeBytes, expected) => {
    expect(naturalBytes(sizeBytes)).toBe(expected);
  });
});
