import { describe, expect, it } from "vitest";

import { dayOf, decimalSize, shownName, versionText } from "./wording.ts";

describe("decimalSize", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [69_400_000, "69.4 MB"],
    [999_949_999, "999.9 MB"],
    [999_950_000, "1.0 GB"],
    [5e15, "5000.0 TB"],
  ])("%d bytes are %s", (sizeBytes, text) => {
    expect(decimalSize(sizeBytes)).toBe(text);
  });
});

describe("words of a page", () => {
  it("give the day in UTC, whatever the machine's zone", () => {
    expect(dayOf("2026-10-28T23:59:59.999Z")).toBe("28 Oct 2026");
  });

  it("show a build only where there is one", () => {
    expect(versionText({ version: "4.2.1", build: "" })).toBe("4.2.1");
    expect(versionText({ version: "4.2.1", build: "1042" })).toBe("4.2.1 (1042)");
  });

  // Without this, a file called photo‮gpj.exe reads as a picture.
  it("make characters that reorder text visible", () => {
    expect(shownName("photo\u202Egpj.exe")).toBe("photo\uFFFDgpj.exe");
    expect(shownName("שלום.dmg")).toBe("שלום.dmg");
  });
});
