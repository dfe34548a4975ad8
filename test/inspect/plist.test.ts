import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { plistJson } from "../../src/inspect/apple/plist-json.ts";
import { readPlist, readPlistDict } from "../../src/inspect/apple/plist.ts";
import {
  dateAt,
  dictAt,
  type PlistDict,
  type PlistValue,
  textAt,
  textsAt,
} from "../../src/inspect/apple/plist-value.ts";

const xml = (body: string, prolog = "") =>
  Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${prolog}<plist version="1.0">${body}</plist>`);

/**
 * A binary list of these objects, one byte for each offset and reference:
 *
 *     "bplist00"   objects   an offset each   6 zeros, 1, 1, objects (u64), root 0 (u64), the offsets' place (u64)
 */
function binary(...objects: readonly (readonly number[])[]): Buffer {
  const offsets: number[] = [];
  let at = 8;
  for (const object of objects) {
    offsets.push(at);
    at += object.length;
  }
  const trailer = Buffer.alloc(32);
  trailer.set([1, 1], 6);
  trailer.writeBigUInt64BE(BigInt(objects.length), 8);
  trailer.writeBigUInt64BE(BigInt(at), 24);
  return Buffer.concat([Buffer.from("bplist00"), Buffer.from([...objects.flat(), ...offsets]), trailer]);
}

const everything = `<dict>
  <key>text</key><string>a &amp; &#x263a; é</string>
  <key>wide</key><string>日本 😀</string>
  <key>empty</key><string></string>
  <key>small</key><integer>200</integer>
  <key>negative</key><integer>-3</integer>
  <key>large</key><integer>18446744073709551615</integer>
  <key>real</key><real>1.5</real>
  <key>yes</key><true/>
  <key>no</key><false/>
  <key>when</key><date>2026-03-04T05:06:07Z</date>
  <key>data</key><data>AAEC
    /w==</data>
  <key>list</key><array><string>a</string><dict><key>__proto__</key><array/></dict></array>
</dict>`;

const expected: PlistValue = new Map<string, PlistValue>([
  ["text", "a & ☺ é"],
  ["wide", "日本 😀"],
  ["empty", ""],
  ["small", 200],
  ["negative", -3],
  ["large", 18446744073709551615n],
  ["real", 1.5],
  ["yes", true],
  ["no", false],
  ["when", new Date("2026-03-04T05:06:07Z")],
  ["data", Buffer.from([0, 1, 2, 255])],
  ["list", ["a", new Map([["__proto__", []]])]],
]);

describe("a property list in XML", () => {
  it("gives every kind of value", () => {
    expect(readPlist(xml(everything), "a")).toEqual(expected);
  });

  it("may have a byte order mark, and be UTF-16", () => {
    const text = "\uFEFF<plist><string>é</string></plist>";
    expect(readPlist(Buffer.from(text), "a")).toBe("é");
    expect(readPlist(Buffer.from(text, "utf16le"), "a")).toBe("é");
    expect(readPlist(Buffer.from(text, "utf16le").swap16(), "a")).toBe("é");
  });

  it.each([
    ["an entity of its own", xml("<string>&a;</string>", '<!DOCTYPE plist [<!ENTITY a "b">]>')],
    ["a value without a key", xml("<dict><true/></dict>")],
    ["a key without a value", xml("<dict><key>a</key></dict>")],
    ["a key outside of a dictionary", xml("<key>a</key>")],
    ["two roots", xml("<true/><true/>")],
    ["no root", xml("")],
    ["an element of another kind", xml("<html/>")],
    ["another root", Buffer.from("<html/>")],
    ["an element in a text", xml("<string><true/></string>")],
    ["text between elements", xml("<array>a</array>")],
    ["an integer that is none", xml("<integer>1e3</integer>")],
    ["a number that is none", xml("<real></real>")],
    ["a date that is none", xml("<date>2026-13-01T00:00:00Z</date>")],
    ["data that are no Base64", xml("<data>%</data>")],
    ["bytes that are no UTF-8", Buffer.from([0x3c, 0xff])],
    ["no end", Buffer.from("<plist><array>")],
    ["no beginning", Buffer.alloc(0)],
  ])("with %s is damaged", (_, bytes) => {
    expect(() => readPlist(bytes, "a")).toThrow(expect.objectContaining({ reason: "damaged", where: "a" }));
  });

  it("is not read deeper than its limit", () => {
    const nested = xml("<array>".repeat(100_000));
    expect(() => readPlist(nested, "a")).toThrow(expect.objectContaining({ reason: "limit" }));
    expect(readPlist(xml(`${"<array>".repeat(64)}${"</array>".repeat(64)}`), "a")).toHaveLength(1);
  });

  it("is not read beyond its number of values", () => {
    const many = xml(`<array>${"<true/>".repeat(1_000_001)}</array>`);
    expect(() => readPlist(many, "a")).toThrow(expect.objectContaining({ reason: "limit" }));
  });
});

describe("a binary property list", () => {
  it("gives its values, shared ones in each of their places", () => {
    expect(readPlist(binary([0xa3, 1, 2, 1], [0x51, 0x61], [0x09]), "a")).toEqual(["a", true, "a"]);
    expect(readPlist(binary([0xd1, 1, 2], [0x51, 0x61], [0x10, 7]), "a")).toEqual(new Map([["a", 7]]));
  });

  it("in which a few lists unfold to billions is refused", () => {
    // Each of 40 lists holds the next one four times.
    const lists = Array.from({ length: 40 }, (_, index) => [0xa4, ...Array<number>(4).fill(index + 1)]);
    const bomb = binary(...lists, [0x08]);
    expect(() => readPlist(bomb, "a")).toThrow(expect.objectContaining({ reason: "limit" }));
  });

  it("is not read deeper than its limit", () => {
    const lists = Array.from({ length: 100 }, (_, index) => [0xa1, index + 1]);
    expect(() => readPlist(binary(...lists, [0x08]), "a")).toThrow(
      expect.objectContaining({ reason: "limit" }),
    );
  });

  it.each([
    ["a list that holds itself", binary([0xa1, 0])],
    ["two lists that hold each other", binary([0xa1, 1], [0xa1, 0])],
    ["a reference to nothing", binary([0xa1, 9])],
    ["a key that is no text", binary([0xd1, 1, 1], [0x09])],
    ["a kind that there is not", binary([0x70])],
    ["a null", binary([0x00])],
    ["a length of 2^32 - 1", binary([0xaf, 0x12, 255, 255, 255, 255])],
    ["a length of 2^63", binary([0x4f, 0x13, 128, 0, 0, 0, 0, 0, 0, 0])],
    ["a length that is a text", binary([0x4f, 0x51, 0x61])],
    ["a date that is none", binary([0x33, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0])],
    ["nothing but its first bytes", Buffer.from("bplist00")],
    ["impossible widths", binary([0x08]).fill(0, 8 + 2 + 6, 8 + 2 + 7)],
    ["more objects than bytes", binary([0x08]).fill(0x7f, 8 + 2 + 8 + 4, 8 + 2 + 8 + 8)],
  ])("with %s is damaged", (_, bytes) => {
    expect(() => readPlist(bytes, "a")).toThrow(expect.objectContaining({ reason: "damaged" }));
  });

  it("of another version is not read", () => {
    const bytes = Buffer.concat([Buffer.from("bplist15"), Buffer.alloc(64)]);
    expect(() => readPlist(bytes, "a")).toThrow(expect.objectContaining({ reason: "unsupported" }));
  });
});

describe("what is read for its keys", () => {
  it("gives what stands under one, or nothing where it is of another kind", () => {
    const dict = expected as PlistDict;
    expect([textAt(dict, "text"), textAt(dict, "empty"), textAt(dict, "small")]).toEqual([
      "a & ☺ é",
      null,
      null,
    ]);
    expect([dateAt(dict, "when"), dateAt(dict, "text")]).toEqual([new Date("2026-03-04T05:06:07Z"), null]);
    expect([textsAt(dict, "list"), textsAt(dict, "text"), textsAt(dict, "none")]).toEqual([
      ["a"],
      ["a & ☺ é"],
      [],
    ]);
    expect(dictAt(dict, "list").size).toBe(0);
  });

  it("has to have keys", () => {
    expect(readPlistDict(xml("<dict/>"), "a").size).toBe(0);
    expect(() => readPlistDict(xml("<array/>"), "a")).toThrow(expect.objectContaining({ reason: "damaged" }));
  });
});

describe("a property list as a fact", () => {
  it("is plain JSON", () => {
    expect(plistJson(expected)).toEqual({
      text: "a & ☺ é",
      wide: "日本 😀",
      empty: "",
      small: 200,
      negative: -3,
      large: "18446744073709551615",
      real: 1.5,
      yes: true,
      no: false,
      when: "2026-03-04T05:06:07.000Z",
      data: "4 bytes",
      list: ["a", { ["__proto__"]: [] }],
    });
  });

  it("is cut where it is long or deep", () => {
    const deep = readPlist(xml(`${"<array>".repeat(20)}${"</array>".repeat(20)}`), "a");
    expect(JSON.stringify(plistJson(deep))).toBe("[[[[[[null]]]]]]");
    expect(plistJson(Array<string>(200).fill("a".repeat(1000)))).toEqual(
      Array<string>(100).fill("a".repeat(500)),
    );
  });
});

needs("plistutil")("another program's property lists", () => {
  const convert = (input: Buffer, format: "bin" | "xml") => {
    const { status, stdout } = spawnSync("plistutil", ["-i", "-", "-o", "-", "-f", format], { input });
    expect(status).toBe(0);
    return stdout;
  };

  it("are read as it wrote them, binary and XML", () => {
    const bytes = convert(xml(everything), "bin");
    expect(bytes.toString("latin1", 0, 8)).toBe("bplist00");
    expect(readPlist(bytes, "a")).toEqual(expected);
    expect(readPlist(convert(bytes, "xml"), "a")).toEqual(expected);
  });

  it("with references of two bytes are read too", () => {
    const many = Array.from({ length: 1000 }, (_, index) => `<string>text ${index}</string>`);
    const bytes = convert(xml(`<array>${many.join("")}</array>`), "bin");
    expect(readPlist(bytes, "a")).toEqual(Array.from({ length: 1000 }, (_, index) => `text ${index}`));
  });
});
