import { createRequire } from "node:module";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RandomAccess } from "../base/random-access.ts";
import { detectFormat } from "./detect-format.ts";
import { findingCodes } from "./findings.ts";
import { inspectArtifact } from "./inspect-artifact.ts";
import {
  appImageFile,
  bufferAccess,
  debFile,
  dmgFile,
  fileAccess,
  peFile,
  placed,
  rpmOf,
  tarEntry,
  tarFile,
  zipFile,
} from "./inspect-fixtures.ts";
import type { DeclaredArtifact, Platform } from "./inspection.ts";

const options = { nowMs: Date.parse("2026-01-01T00:00:00Z"), verify: true };

const inspect = (
  file: Uint8Array,
  platform: Platform,
  filename: string,
  more: Partial<DeclaredArtifact> = {},
) => inspectArtifact(bufferAccess(file), { platform, filename, ...more }, options);

const codes = async (...args: Parameters<typeof inspect>) =>
  (await inspect(...args)).findings.map(({ code }) => code);

const tar = tarFile(tarEntry("a", "b"));

/** The same archive, packed by xz and by bzip2. */
const xzTar =
  "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Af/ADVdADCAM1AYaImDAjL4FVSOkgj2Uxjtg2Y9CqeG/OlJhlhV30cO8gDGIWBIa+Od2E4yC8uUXCYAAAAAAPovnj34IBNYAAFRgBAAAACC6HjlscRn+wIAAAAABFla";
const bzip2Tar =
  "QlpoMTFBWSZTWckVBqwAACfbgOEiQABtgAAA8AAeAAgIIABUVoDQBkbUGRIZNG09SYm6VvUcELokGMcyBDMbOXYBREoT2dUuwWd/AAyL4u5IpwoSGSKg1YA=";

/** A skippable frame, with which pzstd begins. */
const skippable = placed(12, [0, "\x50\x2a\x4d\x18"], [4, [4]]);

/** A sound file of every format, as it would be published. */
const samples: ReadonlyArray<readonly [Platform, filename: string, file: Buffer, contentType: string]> = [
  ["android_apk", "a.apk", zipFile(), "application/vnd.android.package-archive"],
  ["android_aab", "a.aab", zipFile(), "application/octet-stream"],
  ["ios", "a.ipa", zipFile(), "application/octet-stream"],
  ["macos", "a.zip", zipFile(), "application/zip"],
  ["macos", "a.dmg", dmgFile(), "application/x-apple-diskimage"],
  ["macos", "a.pkg", placed(28, [0, "xar!"], [4, [0, 28, 0, 1]]), "application/x-xar"],
  ["linux", "a.tar", tar, "application/x-tar"],
  ["linux", "a.tar.gz", gzipSync(tar), "application/gzip"],
  ["linux", "a.txz", Buffer.from(xzTar, "base64"), "application/x-xz"],
  ["linux", "a.tar.zst", zstdCompressSync(tar), "application/zstd"],
  ["linux", "a.tzst", Buffer.concat([skippable, zstdCompressSync(tar)]), "application/zstd"],
  ["linux", "a.tar.bz2", Buffer.from(bzip2Tar, "base64"), "application/x-bzip2"],
  ["linux", "a.deb", debFile("amd64"), "application/vnd.debian.binary-package"],
  ["linux", "a.rpm", rpmOf("x86_64"), "application/x-rpm"],
  ["linux", "a.AppImage", appImageFile({ machine: 62 }), "application/vnd.appimage"],
  ["linux", "a.zip", zipFile(), "application/zip"],
  ["windows", "a.exe", peFile(0x8664), "application/vnd.microsoft.portable-executable"],
  ["windows", "a.msi", placed(512, [0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]), "application/x-msi"],
  ["windows", "a.msix", zipFile(), "application/msix"],
];

/** What is said of files made by hand, which have little more than the first bytes of their format. */
const bare: ReadonlySet<string> = new Set([
  "validation.app_missing",
  "validation.damaged",
  "validation.dmg_app_unread",
  "validation.manifest_missing",
  "validation.unsigned",
]);

describe("inspectArtifact on sound files", () => {
  it.each(samples)("passes %s %s", async (platform, filename, file, contentType) => {
    const inspection = await inspect(file, platform, filename);
    expect(inspection).toMatchObject({ status: "passed", contentType });
    expect(inspection.findings.filter(({ code }) => !bare.has(code))).toEqual([]);
    expect(inspection.format).not.toBeNull();
  });

  it("gives the whole answer", async () => {
    expect(await inspect(debFile("arm64"), "linux", "acme.deb")).toEqual({
      format: "deb",
      arch: "arm64",
      contentType: "application/vnd.debian.binary-package",
      facts: expect.objectContaining({ detected_arch: "arm64", native_arch: "arm64", package: "acme" }),
      findings: [],
      icon: null,
      identity: { id: "acme", version: "1.4.0", build: null, label: null, signers: [] },
      status: "passed",
    });
    expect((await inspect(gzipSync(tar), "macos", "acme.tgz")).facts).toMatchObject({
      compression: "gzip",
      entries: 1,
    });
  });

  it("passes a real apk", async () => {
    const path = createRequire(import.meta.url).resolve("android-apidemos/apks/ApiDemos-debug.apk");
    const inspection = await inspectArtifact(
      await fileAccess(path),
      {
        platform: "android_apk",
        filename: "ApiDemos-debug.apk",
      },
      options,
    );
    expect(inspection).toMatchObject({ format: "apk", arch: "universal", status: "passed" });
    expect(inspection.findings.map(({ code }) => code)).toEqual(["validation.debuggable"]);
  });
});

describe("inspectArtifact on the wrong content", () => {
  // Every sample under every other name: what one format takes for its own, another with other bytes must not.
  it("refuses each file under the names of the others: validation.content_mismatch", async () => {
    const expected = (platform: Platform, filename: string) =>
      detectFormat({ platform, filename }).candidates[0]?.expected;
    for (const [platform, filename] of samples) {
      const others = samples.filter((other) => expected(other[0], other[1]) !== expected(platform, filename));
      for (const [, other, file] of others) {
        expect(await codes(file, platform, filename), `${other} as ${filename}`).toEqual([
          "validation.content_mismatch",
        ]);
      }
    }
  });

  it.each([
    ["<!DOCTYPE html><title>502</title>", "an HTML page"],
    ["\xef\xbb\xbf\n  <html>", "an HTML page"],
    ["<?xml version='1.0'?><Error/>", "an XML document"],
    ['{"message":"Not Found"}', "JSON text"],
    ["version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the file itself"],
    ["#!/bin/sh\n", "a script"],
    ["Not Found\n", "plain text"],
    ["\x89PNG\r\n\x1a\n", "a PNG image"],
    ["%PDF-1.7", "a PDF document"],
    ["PK\x05\x06", "a zip archive without entries"],
    ["MZ", "a Windows or DOS program"],
    ["\0".repeat(100), "zero bytes"],
    ["\x01\x02\x03\x80", "data of an unknown kind"],
  ])("says what %j looks like", async (content, looks) => {
    const { findings, status } = await inspect(Buffer.from(content, "latin1"), "android_apk", "acme.apk");
    expect(status).toBe("failed");
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      code: "validation.content_mismatch",
      severity: "error",
      message: `Expected a zip archive, but the file looks like ${looks}.`,
      details: { expected: "a zip archive", looks_like: looks },
    });
  });

  it("refuses a program named as a tar", async () => {
    const { findings } = await inspectArtifact(
      await fileAccess(process.execPath),
      {
        platform: "linux",
        filename: "node.tar",
      },
      options,
    );
    expect(findings.map(({ code }) => code)).toEqual(["validation.content_mismatch"]);
    expect(findings[0]?.details?.looks_like).toMatch(/^an? .*program/);
  });

  it("refuses an empty file: validation.empty_file", async () => {
    for (const [platform, filename] of samples) {
      expect(await codes(Buffer.alloc(0), platform, filename)).toEqual(["validation.empty_file"]);
    }
  });

  it("reports all that is wrong at once", async () => {
    const more = { format: "deb", contentType: "text/html" } as const;
    expect(await codes(Buffer.from("<html>"), "linux", "acme.html", more)).toEqual([
      "validation.extension_mismatch",
      "validation.content_type_not_allowed",
      "validation.content_mismatch",
    ]);
  });
});

describe("inspectArtifact on the content type", () => {
  const typed = async (contentType: string, filename = "a.tar.gz") => {
    const inspection = await inspect(gzipSync(tar), "linux", filename, { contentType });
    return [inspection.contentType, ...inspection.findings.map(({ code }) => code)];
  };

  it("stores an accepted type as declared, without case and parameters", async () => {
    expect(await typed("application/x-gzip")).toEqual(["application/x-gzip"]);
    expect(await typed("application/octet-stream")).toEqual(["application/octet-stream"]);
    expect(await typed("Application/GZIP; charset=binary")).toEqual(["application/gzip"]);
  });

  it("stores no other: validation.content_type_not_allowed", async () => {
    const refused = ["application/gzip", "validation.content_type_not_allowed"];
    for (const type of [
      "text/html",
      "image/svg+xml",
      "application/xhtml+xml",
      "application/x-xz",
      "application/gzip\r\nset-cookie: a=b",
      "text/html;application/gzip",
      "",
    ]) {
      expect(await typed(type)).toEqual(refused);
    }
  });

  it("stores application/octet-stream when the format is unknown", async () => {
    expect(await typed("text/html", "a.html")).toEqual([
      "application/octet-stream",
      "validation.extension_unknown",
    ]);
  });
});

describe("inspectArtifact never throws for a bad file", () => {
  const made = samples.filter(([, , file]) => file.length < 4096);

  it("at whatever byte it is cut off", async () => {
    for (const [platform, filename, file] of made) {
      for (let length = 0; length < file.length; length += 1) {
        const { status, findings } = await inspect(file.subarray(0, length), platform, filename);
        expect(status).toBe(findings.some(({ severity }) => severity === "error") ? "failed" : "passed");
      }
    }
  });

  it("whatever bytes in it change", async () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...made),
        fc.array(change, { minLength: 1, maxLength: 12 }),
        async ([platform, filename, file], changes) => {
          const changed = Buffer.from(file);
          for (const [place, value] of changes) changed[place % changed.length] = value;
          const { findings } = await inspect(changed, platform, filename);
          for (const { code } of findings) expect(findingCodes).toHaveProperty([code]);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("but passes on what its reader raises", async () => {
    const broken: RandomAccess = {
      sizeBytes: 100,
      read: () => Promise.reject(new Error("disk")),
      close: async () => {},
    };
    await expect(inspectArtifact(broken, { platform: "linux", filename: "a.deb" }, options)).rejects.toThrow(
      "disk",
    );
  });
});
