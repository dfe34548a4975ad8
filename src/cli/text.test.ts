import { describe, expect, it } from "vitest";

import { escapeBlock, escapeInline, say } from "./escape.ts";
import { renderProgress, startProgress } from "./progress.ts";
import { fields, table } from "./table.ts";
import { wrapText } from "./wrap-text.ts";

describe("escaping", () => {
  it.each([
    ["a colour", "\x1b[31mred", "\\x1b[31mred"],
    ["C1 controls, which some terminals obey without ESC", "\x9b31m", "\\x9b31m"],
    ["a bell", "\x07", "\\x07"],
    ["line and tab", "a\nb\tc\rd", "a\\nb\\tc\\rd"],
    ["bidirectional overrides", "a\u202eb\u2066", "a\\u{202e}b\\u{2066}"],
    ["what is invisible", "a\u200bb\ufeff", "a\\u{200b}b\\u{feff}"],
    ["Unicode line separators", "a\u2028b", "a\\u{2028}b"],
    ["half a character", "a\ud800", "a\\u{d800}"],
  ])("makes %s visible", (_what, text, expected) => {
    expect(escapeInline(text)).toBe(expected);
  });

  it("leaves letters of all scripts alone", () => {
    const text = "Größe 東京 עברית 🙂 1–2 “x” \\x1b";
    expect(escapeInline(text)).toBe(text);
  });

  it("keeps line feeds, and nothing else, in blocks", () => {
    expect(escapeBlock("a\nb\r\x1b")).toBe("a\nb\\r\\x1b");
  });

  it("escapes values, not the sentence", () => {
    expect(say`one\n${"two\n"}${3}`).toBe("one\ntwo\\n3");
  });
});

describe("tables", () => {
  it("align columns by characters, cut nothing, end without spaces", () => {
    expect(
      table(
        ["A", "LONG"],
        [
          ["ü🙂x", null],
          ["y", "\x1b"],
        ],
      ),
    ).toBe("A    LONG\nü🙂x  -\ny    \\x1b");
  });

  it("align fields", () => {
    expect(
      fields([
        ["Name", "x"],
        ["Id", true],
        ["N", 0],
      ]),
    ).toBe("Name  x\nId    yes\nN     0");
  });
});

describe("wrapText", () => {
  it("breaks at spaces and indents what follows", () => {
    expect(wrapText("aaaa bbbb cccc dddd eeee ffff gggg", 4, 34)).toBe(
      "aaaa bbbb cccc dddd eeee ffff\n    gggg",
    );
  });

  it("keeps paragraphs, and words that are too long", () => {
    expect(wrapText(`a\n\n${"x".repeat(50)} b`, 0, 30)).toBe(`a\n\n${"x".repeat(50)}\nb`);
  });
});

describe("progress", () => {
  it("shows share, amounts, rate and time left", () => {
    const line = renderProgress({
      label: "a\x1b.apk",
      done: 5 * 1024 ** 2,
      total: 20 * 1024 ** 2,
      elapsedMs: 1000,
      unit: "bytes",
    });
    expect(line).toBe("a\\x1b.apk  [##--------]  25%  5.0 MiB of 20.0 MiB  5.0 MiB/s  3 s left");
  });

  it("tells long times apart and never passes 100 %", () => {
    const state = { label: "x", unit: "items", elapsedMs: 1000 } as const;
    expect(renderProgress({ ...state, done: 1, total: 126 })).toContain("2 min 5 s left");
    expect(renderProgress({ ...state, done: 1, total: 7501 })).toContain("2 h 5 min left");
    expect(renderProgress({ ...state, done: 9, total: 3 })).toContain("100%");
    expect(renderProgress({ ...state, done: 9, total: null })).toBe("x  9");
  });

  it("stays silent for half a second, redraws at most ten times a second, fits the terminal, and takes itself away", () => {
    let nowMs = 0;
    const written: string[] = [];
    const progress = startProgress({
      label: "a-rather-long-file-name.apk",
      total: 100,
      unit: "bytes",
      columns: 30,
      write: (text) => written.push(text),
      nowMs: () => nowMs,
    });
    for (const time of [100, 499, 500, 550, 600, 650]) {
      nowMs = time;
      progress.update(50);
    }
    expect(written).toHaveLength(2);
    for (const line of written) expect(line.replace("\r\x1b[2K", "")).toHaveLength(29);
    progress.end();
    progress.end();
    expect(written.slice(2)).toEqual(["\r\x1b[2K"]);
  });

  it("of a short transfer leaves no trace", () => {
    const written: string[] = [];
    const progress = startProgress({
      label: "x",
      total: 1,
      unit: "bytes",
      columns: 80,
      write: (text) => written.push(text),
      nowMs: () => 0,
    });
    progress.update(1);
    progress.end();
    expect(written).toEqual([]);
  });
});
