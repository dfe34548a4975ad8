import { describe, expect, it } from "vitest";

import { iosOffer } from "./ios-offer.ts";
import { sampleArtifact, sampleRelease } from "./testing/samples.ts";

const withIpa = sampleRelease({ artifacts: [sampleArtifact({ platform: "ios", format: "ipa" })] });
const withoutIpa = sampleRelease({ artifacts: [sampleArtifact({ platform: "linux", format: "deb" })] });
const plist = "https://dist.example.org/install/acme/stable/manifest.plist";
const testflight = {
  ios_mode: "testflight",
  testflight_url: "https://testflight.apple.com/join/AbC",
  bundle_ids: {},
} as const;
const enterprise = {
  ios_mode: "enterprise",
  testflight_url: null,
  bundle_ids: { ios: "org.example.acme" },
} as const;
const fileOnly = { ios_mode: "artifact_only", testflight_url: null, bundle_ids: {} } as const;

describe("iosOffer", () => {
  it("opens TestFlight with an IPA, without one, and without a release", () => {
    for (const release of [withIpa, withoutIpa, null]) {
      expect(iosOffer(testflight, release, null)).toEqual({
        kind: "testflight",
        url: testflight.testflight_url,
      });
    }
  });

  it("installs on managed devices by a plist under HTTPS", () => {
    expect(iosOffer(enterprise, withIpa, `${plist}?sig=a&exp=1`)).toEqual({
      kind: "enterprise",
      url: "itms-services://?action=download-manifest&url=https%3A%2F%2Fdist.example.org%2Finstall%2Facme%2Fstable%2Fmanifest.plist%3Fsig%3Da%26exp%3D1",
    });
  });

  it.each([
    ["HTTPS is missing", enterprise, withIpa, plist.replace("https", "http"), /HTTPS addresses only/],
    ["there is no IPA", enterprise, withoutIpa, plist, /no IPA/],
    ["there is no bundle id", { ...enterprise, bundle_ids: {} }, withIpa, plist, /bundle identifier/],
    ["the app keeps the file only", fileOnly, withIpa, plist, /does not install IPA files from web pages/],
  ])("says why not when %s", (_when, app, release, manifestUrl, reason) => {
    const offer = iosOffer(app, release, manifestUrl);
    expect(offer).toEqual({ kind: "not_installable", reasons: [expect.stringMatching(reason)] });
  });

  it("has nothing to say of an app without anything for iOS", () => {
    expect(iosOffer(fileOnly, withoutIpa, plist)).toBeNull();
    expect(iosOffer(enterprise, null, plist)).toBeNull();
  });
});
