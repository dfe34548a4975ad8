import type { Reader } from "../../catalog/database.ts";
import { releaseById } from "../../catalog/queries/releases.ts";
import type { AppTable } from "../../catalog/tables.ts";
import { opensChannel } from "../access.ts";
import { findApp } from "../apps.ts";
import { channelNotFound, requireChannel } from "../channels/find-channel.ts";
import type { Context } from "../context.ts";
import { releaseErrors } from "../errors.ts";
import type { ArtifactRecord, CurrentArtifactRequest, ReleaseRecord } from "../records/releases.ts";
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
    const { release } = await currentRelease(reader, context, slug, channelName);
    const [first] = (release?.artifacts ?? [])
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

/** The app, and what its channel points at: nothing, or a release. Raises `app.not_found`, `channel.not_found`. */
export async function currentRelease(
  reader: Reader,
  context: Context,
  slug: string,
  channelName: string,
): Promise<{ app: AppTable; release: ReleaseRecord | undefined }> {
  const app = await findApp(reader, context, slug);
  if (!opensChannel(context.principal, channelName)) throw channelNotFound(app, channelName);
  const { current_release_id: id } = await requireChannel(reader, app, channelName);
  const row = id === null ? undefined : await reader.first(releaseById, { id });
  return { app, release: row === undefined ? undefined : await releaseRecord(reader, context, app, row) };
}
