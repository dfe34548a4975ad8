import type { AppRecord } from "../../registry/records/apps.ts";
import type { ReleaseRecord } from "../../registry/records/releases.ts";

/** What an install page may offer an iPhone: Apple's flow, an install of a managed device, or nothing and why. */
export type IosOffer =
  | { readonly kind: "testflight"; readonly url: string }
  | { readonly kind: "enterprise"; readonly url: string }
  | { readonly kind: "not_installable"; readonly reasons: readonly string[] };

/**
 * What the page offers for iOS; null where the app has nothing for it. A normal iPhone installs no IPA from a web page, so
 * a button exists only for TestFlight and, on enrolled devices, for the enterprise mode.
 *
 * @param manifestUrl the address of `manifest.plist`; null in the modes that have none.
 */
export function iosOffer(
  app: Pick<AppRecord, "ios_mode" | "testflight_url" | "bundle_ids">,
  release: Pick<ReleaseRecord, "artifacts"> | null,
  manifestUrl: string | null,
): IosOffer | null {
  const hasIpa = release?.artifacts.some(({ platform }) => platform === "ios") ?? false;
  if (app.ios_mode === "testflight" && app.testflight_url !== null) {
    return { kind: "testflight", url: app.testflight_url };
  }
  if (app.ios_mode === "enterprise" && release !== null && manifestUrl !== null) {
    const reasons = enterpriseObstacles(app, hasIpa, manifestUrl);
    if (reasons.length > 0) return { kind: "not_installable", reasons };
    const query = `action=download-manifest&url=${encodeURIComponent(manifestUrl)}`;
    return { kind: "enterprise", url: `itms-services://?${query}` };
  }
  if (!hasIpa) return null;
  return {
    kind: "not_installable",
    reasons: [
      "iOS does not install IPA files from web pages. This file is for people who sign and deploy it with tools of their own.",
    ],
  };
}

function enterpriseObstacles(
  app: Pick<AppRecord, "bundle_ids">,
  hasIpa: boolean,
  manifestUrl: string,
): string[] {
  const reasons: string[] = [];
  if (!hasIpa) reasons.push("This release has no IPA file.");
  if (app.bundle_ids["ios"] === undefined) reasons.push("The app has no iOS bundle identifier.");
  if (!manifestUrl.startsWith("https://")) {
    reasons.push("This server is not reached by HTTPS, and iOS installs from HTTPS addresses only.");
  }
  return reasons;
}
