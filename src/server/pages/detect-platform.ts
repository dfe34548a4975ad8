import type { Platform } from "./wording.ts";

/** A platform that a visitor can hold in the hand or sit in front of. */
export type DevicePlatform = Exclude<Platform, "android_aab">;

/** The values of `Sec-CH-UA-Platform` (User-Agent Client Hints, section 3.7) that name a platform of ours. */
const hinted = new Map<string, DevicePlatform>([
  ["Android", "android_apk"],
  ["iOS", "ios"],
  ["Linux", "linux"],
  ["macOS", "macos"],
  ["Windows", "windows"],
]);

/** What a `User-Agent` contains, the more telling first: Android's contains Linux, too. */
const signs: readonly (readonly [RegExp, DevicePlatform | null])[] = [
  [/\b(?:iPhone|iPad|iPod)\b/, "ios"],
  [/\bAndroid\b/, "android_apk"],
  [/\bWindows NT\b/, "windows"],
  [/\bMacintosh\b/, "macos"],
  // ChromeOS says X11 and runs none of the Linux files by itself.
  [/\bCrOS\b/, null],
  [/\b(?:X11|Linux)\b/, "linux"],
];

/**
 * The platform of the device that sent these headers; null when it does not say. An iPad with its default settings says it
 * is a Macintosh and cannot be told from one: the answer is then `macos`.
 */
export function detectPlatform(headers: Headers): DevicePlatform | null {
  const hint = hinted.get(headers.get("sec-ch-ua-platform")?.replaceAll('"', "") ?? "");
  // An Android tablet that asks for desktop pages says X11 and Linux in its `User-Agent`, and the truth only here.
  if (hint === "android_apk") return hint;
  const userAgent = headers.get("user-agent") ?? "";
  const sign = signs.find(([pattern]) => pattern.test(userAgent));
  return sign === undefined ? (hint ?? null) : sign[1];
}
