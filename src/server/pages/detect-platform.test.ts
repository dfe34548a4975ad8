import { describe, expect, it } from "vitest";

import { detectDevice } from "./detect-platform.ts";

/** What browsers send: who, their `User-Agent`, `Sec-CH-UA-Platform` where they send one, and what they run on. */
const visitors: readonly (readonly [string, string, string | null, string | null])[] = [
  [
    "iPhone, Safari",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    null,
    "ios",
  ],
  [
    "iPhone, Chrome",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
    null,
    "ios",
  ],
  [
    "iPad asking for mobile pages",
    "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
    null,
    "ios",
  ],
  // The default since iPadOS 13: nothing in it says iPad.
  [
    "iPad as it comes",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    null,
    "macos",
  ],
  [
    "Android phone, Chrome",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    '"Android"',
    "android_apk",
  ],
  [
    "Android phone, Firefox",
    "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
    null,
    "android_apk",
  ],
  [
    "Android tablet, Chrome",
    "Mozilla/5.0 (Linux; Android 13; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    null,
    "android_apk",
  ],
  // A tablet that asks for desktop pages says X11 in one header and the truth in the other.
  [
    "Android tablet, desktop pages",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    '"Android"',
    "android_apk",
  ],
  [
    "Mac, Chrome",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    '"macOS"',
    "macos",
  ],
  [
    "Windows, Edge",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    '"Windows"',
    "windows",
  ],
  [
    "Windows, Firefox",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
    null,
    "windows",
  ],
  [
    "Linux, Firefox",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    null,
    "linux",
  ],
  [
    "Chromebook",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    '"Chrome OS"',
    null,
  ],
  // Somebody who looks at the page as a phone would: what they ask for is what they should see.
  [
    "a desktop that pretends to be an iPhone",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15",
    '"Linux"',
    "ios",
  ],
  ["curl", "curl/8.10.1", null, null],
  ["wget", "Wget/1.21.4", null, null],
  ["a browser whose User-Agent tells nothing", "Mozilla/5.0", '"Windows"', "windows"],
  ["a name of every object", "x", '"constructor"', null],
  ["nothing at all", "", null, null],
];

describe("detectDevice", () => {
  it.each(visitors)("%s", (_who, userAgent, hint, expected) => {
    const headers = new Headers({ "User-Agent": userAgent });
    if (hint !== null) headers.set("Sec-CH-UA-Platform", hint);
    expect(detectDevice(headers).platform).toBe(expected);
  });

  it.each([
    ["Mozilla/5.0 (Linux; Android 7.1.2; Nexus 5X) AppleWebKit/537.36", "7.1"],
    ["Mozilla/5.0 (Linux; Android 9; Pixel) AppleWebKit/537.36", "9"],
    // What Chrome says everywhere.
    ["Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36", null],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 14_2 like Mac OS X) AppleWebKit/605.1.15", "14.2"],
    // What Safari says from 18.6 on.
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15", null],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", null],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", null],
  ])("believes the version in %s: %s", (userAgent, version) => {
    expect(detectDevice(new Headers({ "User-Agent": userAgent })).version).toBe(version);
  });
});
