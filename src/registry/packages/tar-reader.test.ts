import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";

import { DistError } from "../../base/errors.ts";
import { tarFraming } from "./tar-framing.ts";
import { looksLikeTar, readTar } from "./tar-reader.ts";

const directory = mkdtempSync(join(tmpdir(), "dist-tar-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Names that fit a header, that need the prefix, and that need a header of their own. */
const files: Readonly<Record<string, string>> = {
  "a.txt": "abc",
  empty: "",
  "block.bin": "x".repeat(512),
  "more.bin": "y".repeat(100_000),
  [`${"d".repeat(90)}/${"e".repeat(90)}.txt`]: "prefix",
  [`${"long/".repeat(40)}${"n".repeat(200)}`]: "long",
  "größe/日本語 😀.txt": "names",
};
for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(directory, "in", path)), { recursive: true });
  writeFileSync(join(directory, "in", path), text);
}
symlinkSync("a.txt", join(directory, "in", "link"));
symlinkSync("x".repeat(300), join(directory, "in", "long-link"));

const tar = (...args: string[]): Buffer =>
  execFileSync("tar", ["-c", "-C", join(directory, "in"), ...args, "."], { maxBuffer: 2 ** 26 });

/** The bytes in chunks of this size, each in a buffer that the next one overwrites. */
async function* inChunks(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    buffer.set(part);
    yield buffer.subarray(0, part.length);
  }
}

interface Read {
  readonly files: Record<string, string>;
  readonly others: string[];
}

/** Everything in an archive; of members that `skip` names only a part is read, or nothing. */
async function readAll(
  chunks: AsyncIterable<Uint8Array>,
  skip: (path: string) => boolean = () => false,
): Promise<Read> {
  const read: Read = { files: {}, others: [] };
  for await (const member of readTar(chunks)) {
    if (member.kind === "other") read.others.push(member.path);
    if (member.kind !== "file") continue;
    const parts: Buffer[] = [];
    for await (const part of member.read()) {
      parts.push(Buffer.from(part));
      if (skip(member.path)) break;
    }
    if (!skip(member.path)) expect(Buffer.concat(parts)).toHaveLength(member.sizeBytes);
    read.files[member.path] = Buffer.concat(parts).toString();
  }
  return read;
}

async function refusalOf(bytes: Uint8Array): Promise<DistError> {
  try {
    await readAll(inChunks(bytes));
  } catch (error) {
    if (error instanceof DistError) return error;
    throw error;
  }
  throw new Error("It was read.");
}

/** A header as POSIX draws it, with the right sum. */
function header(fields: {
  name?: string;
  size?: string;
  type?: string;
  magic?: string;
  sum?: string;
}): Buffer {
  const block = Buffer.alloc(512);
  block.write(fields.name ?? "a", 0, 100, "latin1");
  block.write(fields.size ?? "00000000000\0", 124, 12, "latin1");
  block.write("        ", 148, 8, "latin1");
  block.write(fields.type ?? "0", 156, 1, "latin1");
  block.write(fields.magic ?? "ustar\0" + "00", 257, 8, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(fields.sum ?? `${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return block;
}

const end = Buffer.alloc(1024);
const octal = (size: number): string => `${size.toString(8).padStart(11, "0")}\0`;
function pax(data: string): Buffer {
  const bytes = Buffer.from(data);
  const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
  return Buffer.concat([header({ type: "x", size: octal(bytes.length) }), bytes, padding]);
}

describe("readTar", () => {
  it.each([["--format=posix"], ["--format=gnu"]])("reads what GNU tar writes as %s", async (format) => {
    const bytes = tar(format);
    expect(looksLikeTar(bytes)).toBe(true);
    const { files: read, others } = await readAll(inChunks(bytes));
    expect(read).toEqual(files);
    expect(others.toSorted()).toEqual(["link", "long-link"]);
  });

  it("reads what package download writes, whatever the paths", async () => {
    const segment = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
      .filter((text) => !/[/\\\p{Cc}]/u.test(text) && text !== "." && text !== "..");
    const path = fc.array(segment, { minLength: 1, maxLength: 8 }).map((segments) => segments.join("/"));
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(path, fc.string({ maxLength: 1200 }), { maxKeys: 8 }),
        async (entries) => {
          const framing = tarFraming();
          const pieces = Object.entries(entries).flatMap(([name, text]) => {
            const bytes = Buffer.from(text);
            return [
              framing.open({ path: name, sizeBytes: bytes.length, modifiedMs: 0 }),
              bytes,
              framing.close(),
            ];
          });
          const archive = Buffer.concat([...pieces, ...framing.end()]);
          expect((await readAll(inChunks(archive, 777))).files).toEqual(entries);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("reads the size of a file that octal digits cannot say, as package download writes it", async () => {
    const sizeBytes = 9 * 1024 ** 3;
    const head = tarFraming().open({ path: "large", sizeBytes, modifiedMs: 0 });
    const { value } = await readTar(inChunks(head)).next();
    expect(value).toMatchObject({ path: "large", kind: "file", sizeBytes });
  });

  // Headers and bodies end anywhere in a chunk.
  it.each([1, 7, 511, 512, 513])("reads it in chunks of %i bytes", async (size) => {
    const bytes = tar("--format=posix", "--exclude=more.bin");
    const { "more.bin": _, ...others } = files;
    expect((await readAll(inChunks(bytes, size))).files).toEqual(others);
  });

  it("goes on behind a member of which nothing, or only a part, was read", async () => {
    const bytes = tar("--format=posix");
    const { files: read } = await readAll(inChunks(bytes, 1000), (path) => path === "more.bin");
    expect(read["more.bin"]!.length).toBeLessThan(files["more.bin"]!.length);
    expect({ ...read, "more.bin": files["more.bin"] }).toEqual(files);
    const paths: string[] = [];
    for await (const { path, kind } of readTar(inChunks(bytes))) if (kind === "file") paths.push(path);
    expect(paths.toSorted()).toEqual(Object.keys(files).toSorted());
  });

  it("lets the source go when nobody reads on", async () => {
    let isClosed = false;
    async function* source() {
      try {
        yield* inChunks(tar("--format=posix"), 100);
      } finally {
        isClosed = true;
      }
    }
    for await (const _ of readTar(source())) break;
    expect(isClosed).toBe(true);
  });

  it("reads sizes beyond what octal digits hold", async () => {
    const base256 = Buffer.alloc(12);
    base256[0] = 0x80;
    base256.writeUInt32BE(4, 8);
    const gnu = header({});
    base256.copy(gnu, 124);
    gnu.write("        ", 148, 8, "latin1");
    const sum = gnu.reduce((total, byte) => total + byte, 0);
    gnu.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
    const body = Buffer.concat([Buffer.from("four"), Buffer.alloc(508)]);
    expect((await readAll(inChunks(Buffer.concat([gnu, body, end])))).files).toEqual({ a: "four" });
    const posix = Buffer.concat([pax("10 size=4\n"), header({}), body, end]);
    expect((await readAll(inChunks(posix))).files).toEqual({ a: "four" });
  });

  it("takes an extended header for the next member only, and a global one for none", async () => {
    const global = header({ type: "g", size: octal(11) });
    const globalData = Buffer.concat([Buffer.from("11 path=gg\n"), Buffer.alloc(501)]);
    const bytes = Buffer.concat([pax("10 path=b\n"), header({}), global, globalData, header({}), end]);
    expect((await readAll(inChunks(bytes))).files).toEqual({ a: "", b: "" });
  });

  it.each<[string, Buffer]>([
    ["cut in a header", header({}).subarray(0, 300)],
    ["cut in a member", Buffer.concat([header({ size: octal(600) }), Buffer.alloc(512)])],
    ["cut behind an extended header's head", pax("10 path=b\n").subarray(0, 512)],
    ["of noise", Buffer.alloc(1024, "noise")],
    ["with a wrong sum", Buffer.concat([header({ sum: "000000\0 " }), end])],
    ["with a sum that is no number", Buffer.concat([header({ sum: "xxxxxx\0 " }), end])],
    ["with a size that is no number", Buffer.concat([header({ size: "x" }), end])],
    ["with another magic", Buffer.concat([header({ magic: "other" }), end])],
    ["with an extended header beyond the limit", header({ type: "x", size: octal(1024 * 1024 + 1) })],
    ["with an extended header of a wrong length", Buffer.concat([pax("99 path=b\n"), header({}), end])],
    ["with an extended header without a length", Buffer.concat([pax("path=b\n"), header({}), end])],
    // Its second record takes no bytes: a reader that goes on behind it never ends.
    ["with a record without a space", Buffer.concat([pax("10 path=b\nrubbish\n"), header({}), end])],
    ["with an extended size that is no number", Buffer.concat([pax("11 size=-4\n"), header({}), end])],
  ])("package.invalid_archive: %s", async (_what, bytes) => {
    expect(await refusalOf(bytes)).toMatchObject({ code: "package.invalid_archive", kind: "corrupt" });
  });

  it("ends at the end of the archive, whatever follows, and without one at the end of the bytes", async () => {
    const member = header({});
    expect((await readAll(inChunks(Buffer.concat([member, end, header({ name: "b" })])))).files).toEqual({
      a: "",
    });
    expect((await readAll(inChunks(member))).files).toEqual({ a: "" });
    expect((await readAll(inChunks(Buffer.alloc(0)))).files).toEqual({});
  });

  it("answers whatever bytes with members or with a refusal", async () => {
    const whole = tar("--format=posix", "--exclude=more.bin", "--exclude=block.bin");
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged[at]! ^= flip;
        await readAll(inChunks(damaged)).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "package.invalid_archive" });
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe("looksLikeTar", () => {
  it("is not taken in by the magic alone, nor by too few bytes", () => {
    expect(looksLikeTar(header({}))).toBe(true);
    expect(looksLikeTar(header({ sum: "000000\0 " }))).toBe(false);
    expect(looksLikeTar(header({ magic: "PK" }))).toBe(false);
    expect(looksLikeTar(header({}).subarray(0, 511))).toBe(false);
    expect(looksLikeTar(new Uint8Array())).toBe(false);
  });
});
