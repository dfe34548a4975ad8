import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { MUTATIONS, mutate } from "../support/mutations.ts";
import { UnreadableError } from "../../src/inspect/unreadable.ts";
import { plistJson } from "../../src/inspect/apple/plist-json.ts";
import { readPlist } from "../../src/inspect/apple/plist.ts";

const xml =
  Buffer.from(`<?xml version="1.0"?><!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://a/b.dtd"><plist>
<dict><key>a</key><array><string>&lt;é&#65;</string><integer>-12</integer><real>1.5</real><data>AAEC</data></array>
<key>b</key><dict><key>c</key><date>2026-01-02T03:04:05Z</date><key>d</key><true/></dict><!-- e --></dict></plist>`);

/** `{"a": [1.5, -1, "é", <00 01 02>, 2026-01-02], "b": [[true]]}`, as Python's plistlib writes it. */
const binary = Buffer.from(
  "62706c6973743030d20102030951615162a50405060708233ff800000000000013ffffffffffffffff6100e943000102" +
    "3341c783a100000000a10aa10b09080d0f111720292c30393b3d0000000000000101000000000000000c000000000000" +
    "0000000000000000003e",
  "hex",
);

/** The value, or undefined for one that cannot be read; anything else than `UnreadableError` fails the test. */
function read(bytes: Buffer) {
  try {
    return JSON.stringify(plistJson(readPlist(bytes, "list")));
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

describe("a property list", () => {
  it.each([
    ["XML", xml],
    ["binary", binary],
  ])("in %s that is damaged or cut off anywhere gives a value or says why not", (_, file) => {
    for (let length = 0; length < file.length; length += 1) read(file.subarray(0, length));
    const values = new Set<string | undefined>();
    for (let seed = 1; seed <= MUTATIONS; seed += 1) values.add(read(mutate(file, seed)));
    // Some are still read, else the test would say little.
    expect(values.size).toBeGreaterThan(10);
    expect(values.has(undefined)).toBe(true);
  });

  it("of any bytes gives a value or says why not", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isBinary) => {
        read(Buffer.concat([Buffer.from(isBinary ? "bplist00" : "<plist>"), bytes]));
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });
});
