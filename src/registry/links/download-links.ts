import { addDuration, parseDuration } from "../../base/duration.ts";
import { artifactsOfRelease } from "../../catalog/queries/releases.ts";
import { requireScope } from "../access.ts";
import { findApp } from "../apps.ts";
import { requirePublished } from "../channels/channel-policy.ts";
import type { Context } from "../context.ts";
import { linkErrors, objectErrors } from "../errors.ts";
import type { DownloadLink } from "../records/links.ts";
import type { ReleaseRef } from "../records/releases.ts";
import { findRelease } from "../releases/find-release.ts";
import { linkEnd, signLink } from "./signed-links.ts";

/** How long a signed address works when nothing is said, and at most. */
const DEFAULT_PERIOD = "1h";
const LONGEST_PERIOD = "7d";

/** See `Registry.signDownload`. */
export async function signDownload(
  context: Context,
  slug: string,
  ref: ReleaseRef,
  artifactId: string,
  request: { expires_in?: string },
): Promise<DownloadLink> {
  const { principal } = context;
  requireScope(principal, "read", { app: slug, channel: principal.channel });
  const nowMs = context.clock.nowMs();
  const endsAtMs = addDuration(nowMs, parseDuration(request.expires_in ?? DEFAULT_PERIOD));
  if (endsAtMs > addDuration(nowMs, parseDuration(LONGEST_PERIOD))) {
    throw linkErrors.error("download.link_too_long", "A signed address works for seven days at most.", {
      details: { expires_in: request.expires_in },
    });
  }
  const artifact = await context.database.read(async (reader) => {
    const release = await findRelease(reader, context, await findApp(reader, context, slug), ref);
    requirePublished(release);
    const artifacts = await reader.all(artifactsOfRelease, { release_id: release.id });
    return artifacts.find(({ id }) => id === artifactId);
  });
  if (artifact === undefined) {
    throw objectErrors.error("object.not_found", `The release has no artifact ${artifactId}.`, {
      details: { artifact: artifactId },
    });
  }
  return downloadLink(context, artifact, linkEnd(context, endsAtMs));
}

/** A signed address of the artifact, whoever asks: that they may have it is for the caller to know. */
export async function downloadLink(
  context: Context,
  { id, sha256 }: { readonly id: string; readonly sha256: string },
  endsAtMs: number,
): Promise<DownloadLink> {
  const signed = await signLink(context, { kind: "download", sha256, artifact: id }, endsAtMs);
  return { sha256, artifact_id: id, ...signed, url: null };
}
