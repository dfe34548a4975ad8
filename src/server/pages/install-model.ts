import type { AppRecord } from "../../registry/records/apps.ts";
import type { ArtifactRecord, ReleaseRecord } from "../../registry/records/releases.ts";
import { byPreference } from "../../registry/releases/artifact-order.ts";
import type { Device } from "./detect-platform.ts";
import { type IosOffer, iosOffer } from "./ios-offer.ts";
import type { ChannelPlace } from "./links.ts";
import { type Platform, platformNames } from "./wording.ts";

/** What an install page shows, before anything is said about how. */
export interface InstallModel {
  readonly app: AppRecord;
  readonly place: ChannelPlace;
  /** The channel's current release; null when it points at none. */
  readonly release: ReleaseRecord | null;
  /** The release's notes, short or long. */
  readonly notes: string | null;
  readonly device: Device;
  /** The visitor's own platform first. */
  readonly sections: readonly PlatformSection[];
  /** Whether the visitor carries credentials, which an IPA is handed out for only. */
  readonly mayReadIpa: boolean;
}

export interface PlatformSection {
  readonly platform: Platform;
  readonly isThisDevice: boolean;
  readonly artifacts: readonly ArtifactRecord[];
  /** For iOS only. */
  readonly ios: IosOffer | null;
}

/** The facts that `installModel` works from. */
export interface InstallFacts extends Omit<InstallModel, "sections"> {
  /** The address of `manifest.plist`; null in the modes that have none. */
  readonly manifestUrl: string | null;
}

/** Orders what the release has by platform, the visitor's own first, and decides what is offered for iOS. */
export function installModel({ manifestUrl, ...facts }: InstallFacts): InstallModel {
  const { app, release, device } = facts;
  const offer = iosOffer(app, release, manifestUrl);
  const byArch = release?.artifacts.toSorted(byPreference) ?? [];
  const sections = (Object.keys(platformNames) as Platform[])
    .map((platform) => ({
      platform,
      isThisDevice: platform === device.platform,
      artifacts: byArch.filter((artifact) => artifact.platform === platform),
      ios: platform === "ios" ? offer : null,
    }))
    .filter(({ artifacts, ios }) => artifacts.length > 0 || ios !== null)
    .toSorted((left, right) => Number(right.isThisDevice) - Number(left.isThisDevice));
  return { ...facts, sections };
}
