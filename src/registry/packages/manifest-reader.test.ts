import { readFileSync } from "node:fs";

import canonicalize from "canonicalize";
import { cdeDecodeOptions, cdeEncodeOptions, decode as decodeCbor2, encode as encodeCbor2 } from "cbor2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type CanonicalValue, decodeCanonical, encodeCanonical } from "../../base/cbor.ts";
import { createDualHasher, sha256Hex } from "../../base/digest.ts";
import { DistError } from "../../base/errors.ts";
import { canonicalJson, toJson } from "../../base/jcs.ts";
import { encodeManifest, type ManifestInput } from "../package-manifest.ts";
import { readManifest } from "./manifest-reader.ts";

interface ManifestVectors {
  accepted: { about: string; cbor: string; json: string; sha256: string }[];
  generated: { count: number; sha256: string; size_bytes: number };
  refused: { why: string; path: string; cbor: string }[];
}

const { accepted, generated, refused } = JSON.parse(
  readFileSync(new URL("../../../docs/formats/vectors/manifests.json", import.meta.url), "utf8"),
) as ManifestVectors;

const bytesOf = (hex: string): Uint8Array => Uint8Array.fromHex(hex);
const jsonBytes = (text: string): Uint8Array => Buffer.from(text);

/** The manifest that the members of a JSON projection say, made without the reader. */
function inputOf(json: string): ManifestInput {
  const { package_id, created_at, finalized_at, retention_class, files, ...rest } = JSON.parse(json);
  return {
    ...rest,
    packageId: package_id,
    createdAt: created_at,
    finalizedAt: finalized_at,
    retentionClass: retention_class,
    // In any order: the encoder sorts them.
    files: files.map(({ digests, ...file }: { digests: object }) => ({ ...file, ...digests })).toReversed(),
  };
}

/** RFC 8785 in a few lines, apart from the library that writes it for us. */
function independentJcs(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(independentJcs).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    // Section 3.2.3: "as arrays of UTF-16 code units", which is what comparing strings does.
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${independentJcs(item)}`);
  return `{${members.join(",")}}`;
}

function refusalOf(bytes: Uint8Array): DistError {
  try {
    readManifest(bytes);
  } catch (error) {
    if (error instanceof DistError) return error;
    throw error;
  }
  throw new Error("It was read.");
}

describe("the published manifests", () => {
  it.each(accepted)("$about", ({ cbor, json, sha256 }) => {
    const bytes = bytesOf(cbor);
    expect(encodeManifest(inputOf(json)).toHex()).toBe(cbor);
    expect(sha256Hex(bytes)).toBe(sha256);
    expect(canonicalJson(decodeCanonical(bytes))).toBe(json);
    const { manifest, sha256: name } = readManifest(bytes);
    expect(name).toBe(sha256);
    expect(encodeManifest(manifest).toHex()).toBe(cbor);
  });

  it.each(accepted)(
    "another library reads the same values and writes the same bytes: $about",
    ({ cbor, json }) => {
      const value = decodeCbor2<CanonicalValue>(bytesOf(cbor), {
        ...cdeDecodeOptions,
        rejectDuplicateKeys: true,
      });
      expect(toJson(value)).toEqual(JSON.parse(json));
      expect(encodeCbor2(value, { ...cdeEncodeOptions, simplifyNegativeZero: true }).toHex()).toBe(cbor);
    },
  );

  it.each(accepted)("other implementations of RFC 8785 write the same JSON: $about", ({ cbor, json }) => {
    const value = toJson(decodeCbor2<CanonicalValue>(bytesOf(cbor), cdeDecodeOptions));
    expect(canonicalize(value)).toBe(json);
    expect(independentJcs(value)).toBe(json);
  });

  it.each(accepted)("as JSON, however it is written, has the same name: $about", ({ json, sha256 }) => {
    const spaced = `\n${JSON.stringify(JSON.parse(json), null, 2)}\n`;
    const reversed = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json)).toReversed()));
    for (const text of [json, spaced, reversed, `\uFEFF${json}`]) {
      expect(readManifest(jsonBytes(text)).sha256).toBe(sha256);
    }
  });

  it("of many files is the one that the rule names", async () => {
    const first = inputOf(accepted[0]!.json);
    const files = [];
    for (let index = 0; index < generated.count; index++) {
      const content = Buffer.from(String(index));
      const hasher = await createDualHasher();
      hasher.update(content);
      const { sizeBytes: size, sha256, blake3 } = hasher.digest();
      files.push({
        path: `files/${String(index).padStart(4, "0")}`,
        size,
        media_type: "text/plain",
        sha256,
        blake3,
      });
    }
    const bytes = encodeManifest({ ...first, files });
    expect({ size_bytes: bytes.length, sha256: sha256Hex(bytes) }).toEqual({
      size_bytes: generated.size_bytes,
      sha256: generated.sha256,
    });
    expect(readManifest(bytes).manifest.files).toEqual(files);
  });

  it.each(refused)("package.invalid_manifest: $why", ({ cbor, path }) => {
    const refusal = refusalOf(bytesOf(cbor));
    expect(refusal).toMatchObject({ code: "package.invalid_manifest", kind: "invalid", details: { path } });
  });

  // What CBOR must not say, its projection must not say either, or the two forms would be two formats.
  it.each(refused.filter(({ cbor }) => decodes(cbor)))("…nor as JSON: $why", ({ why, cbor, path }) => {
    const json = canonicalJson(decodeCanonical(bytesOf(cbor)));
    // Projected, a byte string is text like any other.
    if (/byte string|digest is text/.test(why)) return;
    expect(refusalOf(jsonBytes(json))).toMatchObject({ details: { path } });
  });
});

describe("readManifest", () => {
  const [{ cbor: good, json: goodJson }] = accepted as [ManifestVectors["accepted"][number]];

  it.each([
    ["nothing", ""],
    ["a page", "<html></html>"],
    ["half of a manifest", goodJson.slice(0, 100)],
    ["an array", ` [${goodJson}]`],
    ["null", "\tnull"],
    ["a list of packages", '{"items":[],"next":null}'],
    ["text that is no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
  ])("package.invalid_manifest: %s", (_what, text) => {
    expect(refusalOf(Buffer.from(text as string)).code).toBe("package.invalid_manifest");
  });

  it("package.invalid_manifest: text that UTF-8 cannot hold, digests in capitals, sizes that JSON rounds", () => {
    const change = (from: string, to: string) => {
      expect(goodJson).toContain(from);
      return refusalOf(jsonBytes(goodJson.replace(from, to))).details["path"];
    };
    expect(change('"subject":null', '"subject":"\\ud800"')).toBe("/subject");
    expect(change('"sha256":"ba78', '"sha256":"BA78')).toBe("/files/0/digests/sha256");
    expect(change('"size":3', '"size":9007199254740993')).toBe("/files/0/size");
    expect(change('"size":3', '"size":"3"')).toBe("/files/0/size");
  });

  it("says where CBOR leaves the format", () => {
    const cut = bytesOf(good).subarray(0, 40);
    expect(refusalOf(cut).details["offset"]).toBeTypeOf("number");
  });

  it("answers whatever bytes with a manifest whose bytes they are, or with a refusal", () => {
    const bytes = bytesOf(good);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at]! ^= flip;
        try {
          expect(encodeManifest(readManifest(damaged).manifest).toHex()).toBe(damaged.toHex());
        } catch (error) {
          expect(error).toMatchObject({ code: "package.invalid_manifest" });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["an integer that others would round", "1e300", "/metadata/n"],
    [
      "nesting that would exhaust the stack",
      "[".repeat(200_000) + "]".repeat(200_000),
      /^\/metadata\/n(\/0)+$/,
    ],
  ])("package.invalid_manifest: metadata that no CBOR holds: %s", (_what, value, path) => {
    const json = goodJson.replace('"metadata":{}', `"metadata":{"n":${value}}`);
    expect(refusalOf(jsonBytes(json))).toMatchObject({
      code: "package.invalid_manifest",
      details: { path: typeof path === "string" ? path : expect.stringMatching(path) },
    });
  });
});

function decodes(cbor: string): boolean {
  try {
    encodeCanonical(decodeCanonical(bytesOf(cbor)));
    return true;
  } catch {
    return false;
  }
}
