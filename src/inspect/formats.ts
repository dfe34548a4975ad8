import type { Format, Platform } from "./inspection.ts";
import {
  isAppImage,
  isBzip2,
  isCompoundFile,
  isDeb,
  isDmg,
  isGzip,
  isPe,
  isPlainTar,
  isRpm,
  isXar,
  isXz,
  isZip,
  isZstd,
  type MagicCheck,
} from "./magic.ts";

/** How a tar archive is packed. */
export type Compression = "none" | "gzip" | "xz" | "zstd" | "bzip2";

/** One way in which files of a format are written. Only tar has several that matter: one for each compression. */
export interface FormatVariant {
  /** Lower case, with the leading dot; the first is the usual one. */
  readonly extensions: readonly [string, ...string[]];
  /** Stored when the publisher declares none. */
  readonly contentType: string;
  /** What a publisher may declare besides `contentType` and `anyContentType`. */
  readonly alsoAccepted: readonly string[];
  /** What the bytes have to be, for messages: "expected …". */
  readonly expected: string;
  readonly matches: MagicCheck;
  readonly compression?: Compression;
}

export interface FormatRow {
  readonly platforms: readonly Platform[];
  readonly variants: readonly [FormatVariant, ...FormatVariant[]];
}

/** Accepted for every format and stored as declared: it says nothing, so it cannot be wrong, and no browser shows it. */
export const anyContentType = "application/octet-stream";

const zipFile = { expected: "a zip archive", matches: isZip } as const;
const zipTypes = { contentType: "application/zip", alsoAccepted: ["application/x-zip-compressed"] } as const;

/**
 * Every format: where it may be used and how it is recognised.
 *
 * `.zip` is `app_zip` on macOS and `zip` elsewhere. Tar is allowed on macOS besides Linux, and zip on Linux besides Windows, because
 * command-line tools are handed out so. Types that browsers render (HTML, SVG, and any `+xml`, which they parse as XML with scripts)
 * are in no row; for that reason `application/vnd.apple.installer+xml`, registered for the text file inside, is not pkg's.
 */
export const formatTable: Readonly<Record<Format, FormatRow>> = {
  apk: {
    platforms: ["android_apk"],
    variants: [
      {
        extensions: [".apk"],
        contentType: "application/vnd.android.package-archive",
        alsoAccepted: [],
        ...zipFile,
      },
    ],
  },
  aab: {
    platforms: ["android_aab"],
    // No type is registered or widely used.
    variants: [
      { extensions: [".aab"], contentType: anyContentType, alsoAccepted: ["application/zip"], ...zipFile },
    ],
  },
  ipa: {
    platforms: ["ios"],
    // No type is registered; iOS takes any when it installs.
    variants: [
      {
        extensions: [".ipa"],
        contentType: anyContentType,
        alsoAccepted: ["application/x-ios-app", "application/x-itunes-ipa", "application/zip"],
        ...zipFile,
      },
    ],
  },
  dmg: {
    platforms: ["macos"],
    variants: [
      {
        extensions: [".dmg"],
        contentType: "application/x-apple-diskimage",
        alsoAccepted: [],
        expected: "a disk image, which ends in a 512-byte trailer that starts with koly",
        matches: isDmg,
      },
    ],
  },
  pkg: {
    platforms: ["macos"],
    variants: [
      {
        extensions: [".pkg"],
        contentType: "application/x-xar",
        alsoAccepted: ["application/x-newton-compatible-pkg"],
        expected: "a xar archive",
        matches: isXar,
      },
    ],
  },
  app_zip: { platforms: ["macos"], variants: [{ extensions: [".zip"], ...zipTypes, ...zipFile }] },
  tar: {
    platforms: ["linux", "macos"],
    variants: [
      {
        extensions: [".tar.gz", ".tgz"],
        contentType: "application/gzip",
        alsoAccepted: ["application/x-gzip", "application/x-gtar", "application/x-compressed-tar"],
        expected: "gzip data",
        matches: isGzip,
        compression: "gzip",
      },
      {
        extensions: [".tar.xz", ".txz"],
        contentType: "application/x-xz",
        alsoAccepted: ["application/x-xz-compressed-tar"],
        expected: "xz data",
        matches: isXz,
        compression: "xz",
      },
      {
        extensions: [".tar.zst", ".tzst"],
        contentType: "application/zstd",
        alsoAccepted: ["application/x-zstd", "application/x-zstd-compressed-tar"],
        expected: "zstd data",
        matches: isZstd,
        compression: "zstd",
      },
      {
        extensions: [".tar.bz2", ".tbz2"],
        contentType: "application/x-bzip2",
        alsoAccepted: ["application/x-bzip", "application/x-bzip-compressed-tar"],
        expected: "bzip2 data",
        matches: isBzip2,
        compression: "bzip2",
      },
      {
        extensions: [".tar"],
        contentType: "application/x-tar",
        alsoAccepted: [],
        expected: "a tar archive",
        matches: isPlainTar,
        compression: "none",
      },
    ],
  },
  deb: {
    platforms: ["linux"],
    variants: [
      {
        extensions: [".deb"],
        contentType: "application/vnd.debian.binary-package",
        alsoAccepted: ["application/x-debian-package", "application/x-deb"],
        expected: "an ar archive whose first member is debian-binary",
        matches: isDeb,
      },
    ],
  },
  rpm: {
    platforms: ["linux"],
    variants: [
      {
        extensions: [".rpm"],
        contentType: "application/x-rpm",
        alsoAccepted: ["application/x-redhat-package-manager"],
        expected: "an rpm package",
        matches: isRpm,
      },
    ],
  },
  appimage: {
    platforms: ["linux"],
    variants: [
      {
        extensions: [".appimage"],
        contentType: "application/vnd.appimage",
        alsoAccepted: ["application/x-iso9660-appimage"],
        expected: "an ELF program with the AppImage mark",
        matches: isAppImage,
      },
    ],
  },
  zip: { platforms: ["windows", "linux"], variants: [{ extensions: [".zip"], ...zipTypes, ...zipFile }] },
  exe: {
    platforms: ["windows"],
    variants: [
      {
        extensions: [".exe"],
        contentType: "application/vnd.microsoft.portable-executable",
        alsoAccepted: ["application/x-msdownload", "application/x-msdos-program", "application/x-dosexec"],
        expected: "a Windows program (PE)",
        matches: isPe,
      },
    ],
  },
  msi: {
    platforms: ["windows"],
    variants: [
      {
        extensions: [".msi"],
        contentType: "application/x-msi",
        alsoAccepted: ["application/x-msdownload"],
        expected: "a compound file",
        matches: isCompoundFile,
      },
    ],
  },
  msix: {
    platforms: ["windows"],
    variants: [
      { extensions: [".msix"], contentType: "application/msix", alsoAccepted: [], ...zipFile },
      { extensions: [".msixbundle"], contentType: "application/msixbundle", alsoAccepted: [], ...zipFile },
    ],
  },
};
