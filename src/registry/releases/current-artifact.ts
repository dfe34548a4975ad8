import { releaseById } from "../../catalog/queries/releases.ts";
import { findApp } from "../apps.ts";
import { opensChannel } from "../access.ts";
import { channelNotFound, requireChannel } from "../channels/find-channel.ts";
import type { Context } from "../context.ts";
import { releaseErrors } from "../errors.ts";
import type { ArtifactRecord, CurrentArtifactRequest } from "../records.ts";
import { byPreference } from "./artifact-order.ts";
import { releaseRecord } from "./release-record.ts";

/**
 * The artifact a stable link leads to: of the channel's current release, for the platform, and for the arch and format where
 * they are asked. Raises `app.not_found`, `channel.not_found`, `release.not_found`.
 */
export async function currentArtifact(
  context: Context,
  slug: string,
  channelName: string,
  request: CurrentArtifactRequest,
): Promise<ArtifactRecord> {
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    if (!opensChannel(context.principal, channelName)) throw channelNotFound(app, channelName);
    const channel = await requireChannel(reader, app, channelName);
    const release =
      channel.current_release_id === null
        ? undefined
        : await reader.first(releaseById, { id: channel.current_release_id });
    const artifacts =
      release === undefined ? [] : (await releaseRecord(reader, context, app, release)).artifacts;
    const [first] = artifacts
      .filter(({ platform }) => platform === request.platform)
      .filter(({ arch }) => request.arch === undefined || arch === request.arch)
      .filter(({ format }) => request.format === undefined || format === request.format)
      .toSorted(byPreference);
    if (first !== undefined) return first;
    throw releaseErrors.error(
      "release.not_found",
      `${channelName} has no such artifact for ${request.platform}.`,
      {
        details: { app: slug, channel: channelName, ...request },
      },
    );
  });
}
