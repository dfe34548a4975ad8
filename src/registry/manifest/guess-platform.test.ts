import { expect, it } from "vitest";

import { guessPlatform } from "./guess-platform.ts";

it.each([
  ["acme.apk", "android_apk"],
  ["acme.aab", "android_aab"],
  ["Acme.IPA", "ios"],
  ["acme.dmg", "macos"],
  ["acme.tar.gz", "linux"],
  ["acme.AppImage", "linux"],
  ["acme.exe", "windows"],
  ["acme.msix", "windows"],
  // macOS and Windows both use it: a guess would be wrong half of the time.
  ["acme.zip", undefined],
  ["acme.txt", undefined],
  ["apk", undefined],
])("guesses what %s is for", (filename, platform) => {
  expect(guessPlatform(filename)).toBe(platform);
});
