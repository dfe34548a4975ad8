import { describe, expect, it } from "vitest";

import { attachment } from "./content-disposition.ts";

describe("the Content-Disposition of", () => {
  it.each([
    ["acme 1.0 (x86).tar.gz", 'attachment; filename="acme 1.0 (x86).tar.gz"'],
    ['a"b.zip', `attachment; filename="a_b.zip"; filename*=UTF-8''a%22b.zip`],
    ["100%.zip", `attachment; filename="100_.zip"; filename*=UTF-8''100%25.zip`],
    ["../a\\b", 'attachment; filename=".._a_b"'],
    ["Äpfel'(1)*.dmg", `attachment; filename="_pfel'(1)*.dmg"; filename*=UTF-8''%C3%84pfel%27%281%29%2A.dmg`],
    ["🎉.apk", `attachment; filename="_.apk"; filename*=UTF-8''%F0%9F%8E%89.apk`],
    ["a\r\nSet-Cookie: x\u0000\u0085.zip", 'attachment; filename="aSet-Cookie: x.zip"'],
    ["a\u202Egpj.exe", 'attachment; filename="agpj.exe"'],
    ["\ud800.zip", `attachment; filename="_.zip"; filename*=UTF-8''%EF%BF%BD.zip`],
  ])("%j", (filename, expected) => {
    expect(attachment(filename, "fallback")).toBe(expected);
  });

  it("nothing, or of control characters alone, has the fallback's name", () => {
    expect(attachment(null, "abc")).toBe('attachment; filename="abc"');
    expect(attachment("\n\u202e", "abc")).toBe('attachment; filename="abc"');
  });
});
