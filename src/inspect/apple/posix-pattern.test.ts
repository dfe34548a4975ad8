import { describe, expect, it } from "vitest";

import { PosixPattern } from "./posix-pattern.ts";

const matches = (pattern: string, text: string) =>
  new PosixPattern(pattern).matches(text, { steps: 1_000_000 });

describe("a pattern of resource rules", () => {
  it.each([
    ["^.*", "a/b", true],
    ["^.*", "", true],
    ["^Info\\.plist$", "Info.plist", true],
    ["^Info\\.plist$", "Info_plist", false],
    ["^Info\\.plist$", "a/Info.plist", false],
    ["^(.*/)?\\.DS_Store$", ".DS_Store", true],
    ["^(.*/)?\\.DS_Store$", "a/b/.DS_Store", true],
    ["^(.*/)?\\.DS_Store$", "a.DS_Store", false],
    [".*\\.dSYM($|/)", "a.dSYM", true],
    [".*\\.dSYM($|/)", "a.dSYM/b", true],
    [".*\\.dSYM($|/)", "a.dSYMs", false],
    ["^[^/]+$", "a", true],
    ["^[^/]+$", "a/b", false],
    ["^(Frameworks|MacOS|Library/(Automator|LoginItems))/", "Library/LoginItems/a", true],
    ["^(Frameworks|MacOS|Library/(Automator|LoginItems))/", "Library/a", false],
    ["b", "abc", true],
    ["^a[b-d]+e?$", "abcd", true],
    ["^a[b-d]+e?$", "ae", false],
    ["^(a|b)*c$", "ababc", true],
    ["^(a|b)*c$", "abadc", false],
    ["^[]]$", "]", true],
    ["^x(|y)$", "x", true],
    ["^(a*)*$", "aaab", false],
  ])("%j on %j: %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it.each(["a{2}", "(a", "a)", "[a", "\\d", "*a", "[[:alpha:]]", "\\", "a".repeat(501)])(
    "%j is none that is read",
    (pattern) => {
      expect(() => new PosixPattern(pattern)).toThrow(expect.objectContaining({ reason: "unsupported" }));
    },
  );

  it("that makes others go back and forth without end takes a step a character", () => {
    expect(matches("^(a*)*(a*)*(a*)*$", `${"a".repeat(5000)}b`)).toBe(false);
  });

  it("stops when its steps are spent", () => {
    const pattern = new PosixPattern(".*".repeat(200));
    expect(() => new PosixPattern("z").matches("a".repeat(1000), { steps: 100 })).toThrow(
      expect.objectContaining({ reason: "limit" }),
    );
    expect(pattern.matches("a", { steps: 10_000 })).toBe(true);
  });
});
