import type { Platform } from "./wording.ts";

/** A platform that a visitor can hold in the hand or sit in front of. */
export type DevicePlatform = Exclude<Platform, "android_aab">;

/** What a visitor has in the hand, as far as its browser says; null for what it does not. */
export interface Device {
  readonly platform: DevicePlatform | null;
  /** Of its system: `7.1`. Only where the browser tells the truth about it. */
  readonly version: string | null;
}

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

/** The device that sent these headers; or, for somebody who looks how a page is for others, the one that they name. */
export function detectDevice(headers: Headers, named?: string): Device {
  const wanted = [...hinted.values()].find((one) => one === named);
  if (wanted !== undefined) return { platform: wanted, version: null };
  const platform = detectPlatform(headers);
  return { platform, version: versionOf(platform, headers.get("user-agent") ?? "") };
}

/**
 * Browsers freeze what they say: Chrome says Android 10 and Safari iOS 18.6 whatever is there, both say macOS 10.15.7, and Windows 11 is
 * "NT 10.0". Below those they are believed.
 */
function versionOf(platform: DevicePlatform | null, userAgent: string): string | null {
  if (platform === "android_apk") {
    const version = /\bAndroid (\d{1,2}(?:\.\d{1,2})?)\b/.exec(userAgent)?.[1];
    return version !== undefined && Number.parseInt(version) < 10 ? version : null;
  }
  if (platform === "ios") {
    const version = /\bOS (\d{1,2})_(\d{1,2})/.exec(userAgent);
    const isBelieved = version !== null && Number(version[1]) + Number(version[2]) / 100 < 18.06;
    return isBelieved ? `${version[1]}.${version[2]}` : null;
  }
  return null;
}

/**
 * The platform of the device that sent these headers; null when it does not say. An iPad with its default settings says it
 * is a Macintosh and cannot be told from one: the answer is then `macos`.
 */
function detectPlatform(headers: Headers): DevicePlatform | null {
  const hint = hinted.get(headers.get("sec-ch-ua-platform")?.replaceAll('"', "") ?? "");
  // An Android tablet that asks for desktop pages says X11 and Linux in its `User-Agent`, and the truth only here.
  if (hint === "android_apk") return hint;
  const userAgent = headers.get("user-agent") ?? "";
  const sign = signs.find(([pattern]) => pattern.test(userAgent));
  return sign === undefined ? (hint ?? null) : sign[1];
}
