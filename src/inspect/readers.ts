import { type FormatReader, noIdentity } from "./format-reader.ts";
import type { Format } from "./inspection.ts";

/** Reads nothing inside. */
const nothing = async (): Promise<FormatReader> => async () => ({
  facts: {},
  identity: noIdentity,
  findings: [],
});

/** What reads the inside of each format; loaded when a file of that format comes. */
export const readers: Readonly<Record<Format, () => Promise<FormatReader>>> = {
  apk: async () => (await import("./apk/read-apk.ts")).readApk,
  aab: async () => (await import("./aab/read-aab.ts")).readAab,
  ipa: async () => (await import("./ipa/read-ipa.ts")).readIpa,
  dmg: async () => (await import("./dmg/read-dmg.ts")).readDmg,
  pkg: async () => (await import("./pkg/read-pkg.ts")).readPkg,
  app_zip: async () => (await import("./app-zip/read-app-zip.ts")).readAppZip,
  tar: async () => (await import("./tar/read-tar.ts")).readTar,
  deb: async () => (await import("./deb/read-deb.ts")).readDeb,
  rpm: async () => (await import("./rpm/read-rpm.ts")).readRpm,
  appimage: async () => (await import("./appimage/read-appimage.ts")).readAppImage,
  zip: async () => (await import("./zip/read-zip.ts")).readZip,
  exe: async () => (await import("./pe/read-pe.ts")).readPe,
  msi: async () => (await import("./msi/read-msi.ts")).readMsi,
  msix: nothing,
};
