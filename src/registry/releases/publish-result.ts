import type { Reader, Transaction } from "../../catalog/database.ts";
import { packageById } from "../../catalog/queries/packages.ts";
import { artifactsOfRelease } from "../../catalog/queries/releases.ts";
import type { AppTable, ReleaseTable } from "../../catalog/tables.ts";
import type { JsonObject } from "../../log/events.ts";
import { recordPromotion, rollbackTarget } from "../channels/channel-moves.ts";
import { policyRefusal } from "../channels/channel-policy.ts";
import { requireChannel } from "../channels/find-channel.ts";
import type { Context } from "../context.ts";
import type { PublishedArtifact, PublishedChannel, PublishResult } from "../records/releases.ts";
import { objectUrl, publishedArtifact } from "./release-record.ts";

/** What a publication did to its channel. */
export interface ChannelOutcome {
  readonly moved: boolean;
  readonly channel: PublishedChannel;
}

/** Moves the channel to a release that was just published, if its policy lets it; the release stands either way. */
export async function promotePublished(
  tx: Transaction,
  app: AppTable,
  release: ReleaseTable,
  name: string,
): Promise<ChannelOutcome> {
  const channel = await requireChannel(tx, app, name);
  const isCurrent = channel.current_release_id === release.id;
  const refusal = isCurrent ? null : await policyRefusal(tx, app, channel, release, "publication");
  if (refusal !== null) {
    const { code, message, details } = refusal;
    const current = channel.current_release_id;
    return {
      moved: false,
      channel: {
        name,
        promoted: false,
        refusal: { code, message, details: details as JsonObject },
        current_release_id: current,
      },
    };
  }
  if (!isCurrent) await recordPromotion(tx, app, channel, release.id, { rollout: 100, reason: null });
  const after = await requireChannel(tx, app, name);
  const previous = await rollbackTarget(tx, after);
  return {
    moved: !isCurrent,
    channel: {
      name,
      current_release_id: after.current_release_id,
      previous_release_id: previous?.releaseId ?? null,
    },
  };
}

/** The envelope that a publication answers. */
export async function publishResult(
  reader: Reader,
  context: Context,
  app: AppTable,
  release: ReleaseTable,
  outcome: ChannelOutcome | null,
  status: PublishResult["status"],
): Promise<PublishResult> {
  const packageRow = await reader.first(packageById, { id: release.package_id });
  const manifestSha256 = packageRow!.manifest_sha256!;
  const artifacts: PublishedArtifact[] = [];
  for (const row of await reader.all(artifactsOfRelease, { release_id: release.id })) {
    artifacts.push(await publishedArtifact(reader, context, row));
  }
  return {
    status,
    app: { id: app.id, slug: app.slug },
    release: {
      id: release.id,
      package_id: release.package_id,
      version: release.version,
      build: release.build,
      channel: release.channel,
      manifest_sha256: manifestSha256,
      published_at: release.published_at!,
      url: await objectUrl(reader, context, manifestSha256),
    },
    artifacts,
    channel: outcome?.channel ?? null,
  };
}
