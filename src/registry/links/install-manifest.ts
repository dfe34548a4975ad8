import type { Context } from "../context.ts";
import { appErrors } from "../errors.ts";
import type { InstallManifest, LinkSignature } from "../records/links.ts";
import { byPreference } from "../releases/artifact-order.ts";
import { currentRelease } from "../releases/current-artifact.ts";
import { downloadLink } from "./download-links.ts";
import { linkEnd, signLink } from "./signed-links.ts";

const HOUR_MS = 3600 * 1000;
/** From the manifest to the IPA a device goes at once, but for the person who is asked in between. */
const IPA_PERIOD_MS = HOUR_MS;
/** A page may stay open for a while before somebody taps. */
const MANIFEST_PERIOD_MS = 3 * HOUR_MS;

/**
 * What a device is told that installs the channel's current IPA. Being shown the page is enough for it, in the enterprise
 * mode alone: the device brings no credentials, neither for the manifest nor for the IPA. The IPA's address outlives the
 * manifest's, so that a manifest fetched in its last minute is as good as any.
 * Raises `app.not_found`, `channel.not_found`, `app.no_install_manifest`.
 */
export async function installManifest(
  context: Context,
  slug: string,
  channelName: string,
): Promise<InstallManifest> {
  const { app, release, ipa, bundleId } = await context.database.read(async (reader) => {
    const found = await currentRelease(reader, context, slug, channelName);
    if (found.app.ios_mode !== "enterprise") throw noManifest("the app is not in the enterprise mode");
    const { ios } = JSON.parse(found.app.bundle_ids) as { ios?: string };
    if (ios === undefined) throw noManifest("the app has no iOS bundle identifier");
    const artifacts = found.release?.artifacts.filter(({ format }) => format === "ipa") ?? [];
    const [first] = artifacts.toSorted(byPreference);
    if (found.release === undefined || first === undefined) throw noManifest("the channel has no IPA now");
    return { app: found.app, release: found.release, ipa: first, bundleId: ios };
  });
  return {
    bundle_id: bundleId,
    bundle_version: release.build === "" ? release.version : release.build,
    title: app.display_name,
    ipa: await downloadLink(context, ipa, context.clock.nowMs() + IPA_PERIOD_MS),
  };
}

/**
 * A signature under which the channel's manifest opens without credentials, for those who may see its page. The end is
 * rounded up to an hour: a page, and its ETag, stay the same in between.
 * Raises `app.not_found`, `channel.not_found`.
 */
export async function signInstallManifest(
  context: Context,
  slug: string,
  channelName: string,
): Promise<LinkSignature> {
  await context.database.read((reader) => currentRelease(reader, context, slug, channelName));
  const endsAtMs = Math.ceil((context.clock.nowMs() + MANIFEST_PERIOD_MS) / HOUR_MS) * HOUR_MS;
  const target = { kind: "install_manifest", app: slug, channel: channelName } as const;
  return signLink(context, target, linkEnd(context, endsAtMs));
}

function noManifest(why: string) {
  return appErrors.error("app.no_install_manifest", `There is no manifest.plist: ${why}.`);
}
