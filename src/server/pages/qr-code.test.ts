import { encode } from "uqr";
import { describe, expect, it } from "vitest";

import { QrCode } from "./qr-code.tsx";

describe("QrCode", () => {
  // A mirrored or shifted symbol still looks like one, and no phone reads it.
  it("draws exactly the dark modules, rows from above, inside a quiet zone of four", () => {
    const text = "https://dist.example.org/install/acme/stable";
    const svg = String(QrCode({ text, label: "code" }));
    const { data, size } = encode(text, { border: 0, ecc: "M" });
    const drawn = data.map((row) => row.map(() => false));
    for (const [, x, y, width] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)) {
      drawn[Number(y)]!.fill(true, Number(x), Number(x) + Number(width));
    }
    expect(drawn).toEqual(data);
    expect(svg).toContain(`viewBox="-4 -4 ${size + 8} ${size + 8}"`);
  });
});
