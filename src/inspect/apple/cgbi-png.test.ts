import { deflateRawSync, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";

import { ordinaryPng } from "./cgbi-png.ts";
import { type PngChunk, readPngChunks, writePng } from "./png.ts";

type Pixel = readonly [red: number, green: number, blue: number, alpha: number];

/** A picture as Xcode writes it: each row with another filter, blue first, colours times alpha, without a zlib header. */
function applePng(rows: readonly (readonly Pixel[])[], data?: Buffer): Buffer {
  const raw = rows.map((row) =>
    Buffer.from(
      row.flatMap(([red, green, blue, alpha]) => [
        ...[blue, green, red].map((color) => Math.round((color * alpha) / 255)),
        alpha,
      ]),
    ),
  );
  const filtered = raw.map((row, index) => filterRow(index % 5, row, raw[index - 1]));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(rows[0]!.length, 0);
  header.writeUInt32BE(rows.length, 4);
  header.set([8, 6], 8);
  return writePng([
    { type: "CgBI", data: Buffer.from("50002002", "hex") },
    { type: "IHDR", data: header },
    { type: "IDAT", data: data ?? deflateRawSync(Buffer.concat(filtered)) },
    { type: "IEND", data: Buffer.alloc(0) },
  ]);
}

function filterRow(filter: number, row: Buffer, above = Buffer.alloc(row.length)): Buffer {
  const filtered = row.map((value, at) => {
    const left = row[at - 4] ?? 0;
    const up = above[at]!;
    const upLeft = above[at - 4] ?? 0;
    const guess = left + up - upLeft;
    const nearest = [left, up, upLeft].sort((a, b) => Math.abs(guess - a) - Math.abs(guess - b))[0]!;
    return value - [0, left, up, (left + up) >> 1, nearest][filter]!;
  });
  return Buffer.concat([Buffer.from([filter]), filtered]);
}

/** The pixels of an ordinary PNG of 8-bit RGBA whose rows have the filters 0 and 2. */
function pixelsOf(png: Buffer, width: number): Pixel[][] {
  const chunks = readPngChunks(png, "png");
  expect(chunks.map(({ type }) => type)).toEqual(["IHDR", "IDAT", "IEND"]);
  const rows = inflateSync(chunks.find(({ type }) => type === "IDAT")!.data);
  const pixels: Pixel[][] = [];
  let above = Buffer.alloc(width * 4);
  for (let start = 0; start < rows.length; start += 1 + width * 4) {
    const isUp = rows[start] === 2;
    const row = Buffer.from(rows.subarray(start + 1, start + 1 + width * 4));
    if (isUp) for (const [at, value] of above.entries()) row[at] = row[at]! + value;
    pixels.push(
      Array.from({ length: width }, (_, at) => [...row.subarray(at * 4, at * 4 + 4)] as unknown as Pixel),
    );
    above = row;
  }
  return pixels;
}

const picture: Pixel[][] = Array.from({ length: 7 }, (_, row) =>
  Array.from({ length: 5 }, (__, column) => [row * 30, column * 50, (row * column * 9) % 256, 255] as const),
);

describe("a picture as Xcode packs it", () => {
  it("becomes an ordinary one with the same pixels, whatever filters its rows have", async () => {
    expect(pixelsOf(await ordinaryPng(applePng(picture), "icon"), 5)).toEqual(picture);
  });

  it("gets its colours back from those times alpha, as far as they are there", async () => {
    const png = applePng([
      [
        [200, 100, 0, 128],
        [255, 255, 255, 0],
      ],
    ]);
    const [[first, second]] = pixelsOf(await ordinaryPng(png, "icon"), 2) as [[Pixel, Pixel]];
    expect(second).toEqual([0, 0, 0, 0]);
    expect(first[3]).toBe(128);
    for (const [index, value] of [200, 100, 0].entries()) {
      expect(Math.abs(first[index]! - value)).toBeLessThanOrEqual(1);
    }
  });

  it.each([
    ["more pixels than it says", deflateRawSync(Buffer.alloc(10_000)), "damaged"],
    ["fewer", deflateRawSync(Buffer.alloc(10)), "damaged"],
    ["no deflated data", Buffer.from("none"), "damaged"],
    ["a filter that there is not", deflateRawSync(Buffer.alloc(7 * 21, 9)), "damaged"],
  ] as const)("with %s is refused", async (_, data, reason) => {
    await expect(ordinaryPng(applePng(picture, data), "icon")).rejects.toMatchObject({ reason });
  });

  it("that claims to be immense, or is of another kind, is refused", async () => {
    const with13 = (at: number, value: number): PngChunk[] =>
      readPngChunks(applePng(picture), "png").map((chunk) => {
        if (chunk.type !== "IHDR") return chunk;
        const data = Buffer.from(chunk.data);
        if (at < 8) data.writeUInt32BE(value, at);
        else data[at] = value;
        return { ...chunk, data };
      });
    const refused = async (at: number, value: number) =>
      await ordinaryPng(writePng(with13(at, value)), "icon").catch(
        (error: { reason: string }) => error.reason,
      );
    expect(await refused(0, 0xffffffff)).toBe("limit");
    expect(await refused(4, 0)).toBe("limit");
    expect(await refused(8, 16)).toBe("unsupported");
    expect(await refused(9, 3)).toBe("unsupported");
    expect(await refused(12, 1)).toBe("unsupported");
  });
});
