import type { LinkSignature } from "../../registry/records/links.ts";
import type { ArtifactRecord } from "../../registry/records/releases.ts";
import { signedQuery } from "../signed-address.ts";

/** Where a channel of an app stands: the addresses under it are made of these. */
export interface ChannelPlace {
  /** Scheme, host and port, without a trailing slash. */
  readonly baseUrl: string;
  readonly app: string;
  readonly channel: string;
  /** The secret of the share link the visitor came by: every address they go on to needs it. */
  readonly share?: string | undefined;
}

export function installUrl({ baseUrl, app, channel, share }: ChannelPlace): string {
  return withShare(`${baseUrl}/install/${app}/${channel}`, share);
}

/** An address with the share link's secret, where there is one. */
export function withShare(url: string, share: string | undefined): string {
  if (share === undefined) return url;
  return `${url}${url.includes("?") ? "&" : "?"}share=${encodeURIComponent(share)}`;
}

/** Exactly these bytes, under the artifact's name: what the page shows beside the link is what arrives. */
export function exactUrl(
  { baseUrl, channel, share }: ChannelPlace,
  artifact: Pick<ArtifactRecord, "sha256" | "id">,
): string {
  return withShare(
    `${baseUrl}/download/${artifact.sha256}?artifact=${artifact.id}&channel=${channel}`,
    share,
  );
}

/** An object that a release names, such as an icon. */
export function objectUrl({ baseUrl, share }: ChannelPlace, sha256: string): string {
  return withShare(`${baseUrl}/download/${sha256}`, share);
}

/**
 * Whatever is current when the link is followed. Arch and format stand in it only where the release has several files for
 * the platform.
 */
export function stableUrl(
  { baseUrl, app, channel, share }: ChannelPlace,
  artifact: ArtifactRecord,
  siblings: readonly ArtifactRecord[],
): string {
  const isOnly = siblings.filter(({ platform }) => platform === artifact.platform).length === 1;
  const rest = isOnly ? "" : `/${artifact.arch}/${artifact.format}`;
  return withShare(`${baseUrl}/download/${app}/${channel}/${artifact.platform}${rest}`, share);
}

/** The channel's `manifest.plist`, signed: the device that fetches it knows neither tokens nor share links. */
export function manifestUrl({ baseUrl, app, channel }: ChannelPlace, signature: LinkSignature): string {
  return `${baseUrl}/install/${app}/${channel}/manifest.plist?${signedQuery(signature)}`;
}

/** The line for a terminal; `-J` takes the file's name from the answer. */
export function curlLine(url: string, needsToken: boolean): string {
  const credentials = needsToken ? ' -H "Authorization: Bearer $DIST_TOKEN"' : "";
  return `curl -fLOJ${credentials} ${url}`;
}
