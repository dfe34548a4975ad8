import { beforeAll, describe, expect, it } from "vitest";

import { readDmg } from "../../src/inspect/dmg/read-dmg.ts";
import { findingCodes } from "../../src/inspect/findings.ts";
import type { FormatReader } from "../../src/inspect/format-reader.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { unpackLzfse } from "../../src/inspect/lzfse/lzfse.ts";
import { readPkg } from "../../src/inspect/pkg/read-pkg.ts";
import { readXarToc } from "../../src/inspect/pkg/xar-toc.ts";
import { UnreadableError } from "../../src/inspect/unreadable.ts";
import { buildApfs, sealApfsObject } from "../support/apfs-builder.ts";
import { buildHfs } from "../support/hfs-builder.ts";
import { productFiles } from "../support/made-pkg.ts";
import { MUTATIONS, mutate } from "../support/mutations.ts";
import { buildUdif } from "../support/udif-builder.ts";
import { buildXar } from "../support/xar-builder.ts";

const declared = { platform: "macos", filename: "acme" } as const;
const BLOCK = 4096;
const files = [
  { path: "Acme.app/Contents/Info.plist", content: Buffer.from("<plist/>") },
  { path: "Applications", content: Buffer.from("/Applications"), isLink: true },
  { path: "pieces", content: Buffer.alloc(BLOCK * 12, "piece "), isFragmented: true },
  ...Array.from({ length: 40 }, (_, index) => ({ path: `many/${index}`, content: Buffer.from("x") })),
];

/** What a reader finds in each mutation: known codes, and nothing thrown; some are still read, else the test says little. */
async function holds(read: FormatReader, make: (seed: number) => Buffer | Promise<Buffer>): Promise<void> {
  let withFacts = 0;
  const told = new Set<string>();
  for (let seed = 1; seed <= MUTATIONS; seed += 1) {
    const bytes = bufferAccess(await make(seed));
    const { facts, findings } = await read({ bytes, declared, nowMs: 0, verify: true });
    for (const { code } of findings) expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
    if (Object.keys(facts).length > 0) withFacts += 1;
    told.add(findings.map(({ code }) => code).join());
  }
  expect(withFacts).toBeGreaterThan(MUTATIONS / 20);
  expect(told.size).toBeGreaterThan(2);
}

describe("a file for macOS that was tampered with says what is wrong", () => {
  let hfs: Buffer;
  let dmg: Buffer;
  let pkg: Buffer;
  beforeAll(async () => {
    hfs = buildHfs(files);
    dmg = await buildUdif([{ name: "a (Apple_HFS : 1)", content: hfs }]);
    pkg = await buildXar(productFiles.filter(({ path }) => !path.endsWith("Payload")));
  });

  const TIMEOUT_MS = MUTATIONS * 60;

  it("as a disk image, mostly in its end", { timeout: TIMEOUT_MS }, async () => {
    const ends: Array<readonly [number, number]> = [
      [0, dmg.length],
      [dmg.indexOf("<?xml"), dmg.length],
      [dmg.length - 512, dmg.length],
    ];
    await holds(readDmg, (seed) => mutate(dmg, seed, ends));
  });

  it("as an HFS+ volume in one, mostly in its header and catalog", { timeout: TIMEOUT_MS }, async () => {
    const catalog = hfs.readUInt32BE(1024 + 272 + 16) * BLOCK;
    const within: Array<readonly [number, number]> = [
      [1024, 1536],
      [catalog, catalog + 3 * BLOCK],
    ];
    await holds(readDmg, async (seed) => inImage(mutate(hfs, seed, within)));
  });

  it("as an APFS container in one, its blocks sealed again", { timeout: TIMEOUT_MS }, async () => {
    const sound = buildApfs(files);
    await holds(readDmg, async (seed) => {
      // One block is changed, and keeps its size.
      const index = seed % Math.min(40, sound.length / BLOCK);
      const changed = Buffer.from(sound);
      const block = Buffer.alloc(BLOCK);
      mutate(sound.subarray(index * BLOCK, (index + 1) * BLOCK), seed, [
        [8, 120],
        [8, BLOCK],
      ]).copy(block);
      sealApfsObject(block).copy(changed, index * BLOCK);
      return inImage(changed);
    });
  });

  it("as an installer package", { timeout: TIMEOUT_MS }, async () => {
    await holds(readPkg, (seed) => mutate(pkg, seed));
  });

  it("as a package's table of contents", { timeout: TIMEOUT_MS }, async () => {
    let toc = "";
    await buildXar(productFiles, {
      changeToc: (xml) => {
        toc = xml;
        return xml;
      },
    });
    let read = 0;
    for (let seed = 1; seed <= MUTATIONS; seed += 1) {
      try {
        readXarToc(mutate(Buffer.from(toc), seed));
        read += 1;
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
      }
    }
    expect(read).toBeGreaterThan(MUTATIONS / 25);
    await holds(readPkg, async (seed) =>
      buildXar(productFiles.slice(0, 2), {
        changeToc: (xml) => mutate(Buffer.from(xml), seed).toString("latin1"),
      }),
    );
  });

  it("and LZFSE data unpack to so many bytes or to none", { timeout: TIMEOUT_MS }, () => {
    // 64 letters in the quick form.
    const packed = Buffer.from("6276786e4000000010000000680161f025e26161060000000000000062767824", "hex");
    for (let seed = 1; seed <= MUTATIONS; seed += 1) {
      const content = unpackLzfse(mutate(packed, seed), 64);
      if (content !== null) expect(content.length).toBe(64);
    }
  });
});

async function inImage(content: Buffer): Promise<Buffer> {
  const sectors = Math.ceil(content.length / 512) * 512;
  const whole = Buffer.concat([content, Buffer.alloc(sectors - content.length)]);
  return buildUdif([{ name: "a", content: whole, packing: "raw" }], { chunkBytes: 1024 * 1024 });
}
