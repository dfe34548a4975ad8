import { describe, expect, it } from "vitest";
import { detectFormat } from "./detect-format.ts";
import { formatTable } from "./formats.ts";
import { type Format, formats, type Platform, platforms } from "./inspection.ts";

const detect = (platform: Platform, filename: string, format?: Format) => {
  const { format: found, findings } = detectFormat({ platform, filename, format });
  return [found, ...findings.map(({ code }) => code)];
};

describe("detectFormat", () => {
  it.each([
    ["ios", "Acme.ipa", "ipa"],
    ["android_apk", "acme.apk", "apk"],
    ["android_aab", "acme.aab", "aab"],
    ["macos", "Acme.dmg", "dmg"],
    ["macos", "Acme.pkg", "pkg"],
    ["macos", "Acme.app.zip", "app_zip"],
    ["macos", "acme-macos.tar.gz", "tar"],
    ["linux", "acme.tgz", "tar"],
    ["linux", "acme.tar.zst", "tar"],
    ["linux", "acme_1.4.0_arm64.deb", "deb"],
    ["linux", "acme.rpm", "rpm"],
    ["linux", "Acme.AppImage", "appimage"],
    ["linux", "acme.APPIMAGE", "appimage"],
    ["linux", "acme.zip", "zip"],
    ["windows", "acme.zip", "zip"],
    ["windows", "Acme Setup.EXE", "exe"],
    ["windows", "acme.msi", "msi"],
    ["windows", "acme.msixbundle", "msix"],
  ] as const)("takes %s %s as %s", (platform, filename, format) => {
    expect(detect(platform, filename)).toEqual([format]);
    expect(detect(platform, filename, format)).toEqual([format]);
  });

  it("names the compression by the extension", () => {
    const compression = (filename: string) =>
      detectFormat({ platform: "linux", filename }).candidates.map((variant) => variant.compression);
    expect(compression("a.tar")).toEqual(["none"]);
    expect(compression("a.tar.xz")).toEqual(["xz"]);
    expect(compression("a.tbz2")).toEqual(["bzip2"]);
  });

  it("refuses an extension of another platform: validation.extension_mismatch", () => {
    expect(detect("windows", "acme.deb")).toEqual([null, "validation.extension_mismatch"]);
    expect(detect("ios", "acme.apk")).toEqual([null, "validation.extension_mismatch"]);
    expect(detect("android_apk", "acme.aab")).toEqual([null, "validation.extension_mismatch"]);
  });

  it("refuses an extension that the declared format does not have, and keeps the format", () => {
    expect(detect("linux", "acme.rpm", "deb")).toEqual(["deb", "validation.extension_mismatch"]);
    expect(detect("linux", "acme", "tar")).toEqual(["tar", "validation.extension_mismatch"]);
  });

  it("refuses a declared format of another platform: validation.platform_format_mismatch", () => {
    expect(detect("windows", "acme.deb", "deb")).toEqual([null, "validation.platform_format_mismatch"]);
    expect(detect("macos", "acme.zip", "zip")).toEqual([null, "validation.platform_format_mismatch"]);
  });

  it("refuses what no format has: validation.extension_unknown", () => {
    for (const name of ["acme", "acme.sh", "acme.gz", "acme.apk.exe.html", ".deb", ""]) {
      expect(detect("linux", name)).toEqual([null, "validation.extension_unknown"]);
    }
  });

  it("tells in details what would have fitted", () => {
    const [finding] = detectFormat({ platform: "windows", filename: "acme.deb" }).findings;
    expect(finding?.details).toEqual({
      filename: "acme.deb",
      platform: "windows",
      format: null,
      allowed_extensions: [".zip", ".exe", ".msi", ".msix", ".msixbundle"],
    });
  });
});

describe("formatTable", () => {
  it("gives every platform and every format at least one partner", () => {
    for (const platform of platforms) {
      expect(formats.filter((format) => formatTable[format].platforms.includes(platform))).not.toEqual([]);
    }
    for (const format of formats) expect(formatTable[format].platforms).not.toEqual([]);
  });

  // Were an extension shared, the platform alone could not name the format.
  it("has no extension twice on one platform", () => {
    for (const platform of platforms) {
      const extensions = formats
        .filter((format) => formatTable[format].platforms.includes(platform))
        .flatMap((format) => formatTable[format].variants.flatMap((variant) => variant.extensions));
      expect(extensions.length).toBe(new Set(extensions).size);
    }
  });

  // A type that browsers render in the server's origin would turn a download into a script of ours.
  it("holds no type that a browser renders", () => {
    const types = formats.flatMap((format) =>
      formatTable[format].variants.flatMap((variant) => [variant.contentType, ...variant.alsoAccepted]),
    );
    for (const type of types) expect(type).toMatch(/^application\/[a-z0-9.-]+$/);
    expect(types.filter((type) => /xml|html|svg|javascript|pdf|json/.test(type))).toEqual([]);
  });
});
