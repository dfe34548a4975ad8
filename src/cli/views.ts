import { naturalBytes } from "../base/text.ts";
import type { AppRecord } from "../registry/records/apps.ts";
import type { ChannelRecord } from "../registry/records/channels.ts";
import type { ShareRecord } from "../registry/records/links.ts";
import type { Page } from "../registry/records/pages.ts";
import type { ArtifactRecord, PublishedArtifact, ReleaseRecord } from "../registry/records/releases.ts";
import type { TokenRecord } from "../registry/records/tokens.ts";
import { escapeBlock, say } from "./escape.ts";
import type { Output } from "./output.ts";
import { fields, table } from "./table.ts";

/** Prints a page: the items as a table, and how to get the next ones. */
export function printPage<T>(
  output: Output,
  page: Page<T>,
  nothing: string,
  text: (items: readonly T[]) => string,
): void {
  output.result(page, () => (page.items.length === 0 ? nothing : text(page.items)));
  if (page.next !== null && !output.json) output.note(say`More: add --after ${page.next}`);
}

export function appText(app: AppRecord): string {
  const bundleIds = Object.entries(app.bundle_ids).map(([platform, id]) => `${platform}=${id}`);
  const pins = Object.entries(app.identity_constraints).map(
    ([platform, values]) => `${platform}=${values.join(" or ")}`,
  );
  return fields([
    ["App", app.slug],
    ["Id", app.id],
    ["Name", app.display_name],
    ["Owner", app.owner],
    ["Visibility", app.visibility],
    ["Platforms", app.allowed_platforms.join(", ")],
    ["Bundle ids", bundleIds.join(", ")],
    ["iOS mode", app.ios_mode],
    ["TestFlight", app.testflight_url],
    ["Signed by", pins.join(", ")],
    ["Signers", app.signer_pinning === "first_use" ? "pinned at first use" : "pinned by hand"],
    ["Keeps", app.retention_keep === 0 ? "every release" : `${app.retention_keep} releases a channel`],
    ["Retention class", app.retention_class],
    ["Created", app.created_at],
    ["Updated", app.updated_at],
  ]);
}

export function appsText(apps: readonly AppRecord[]): string {
  return table(
    ["APP", "NAME", "VISIBILITY", "OWNER", "CREATED"],
    apps.map((app) => [app.slug, app.display_name, app.visibility, app.owner, app.created_at]),
  );
}

export function releaseText(release: ReleaseRecord): string {
  const head = fields([
    ["Release", release.id],
    ["App", release.app],
    ["Version", versionOf(release)],
    ["Status", release.status],
    ["Current in", release.current_in.join(", ")],
    ["Created", `${release.created_at} by ${release.created_by}`],
    ["Published", release.published_at],
    ...(release.revoked_at === null ? [] : [["Revoked", release.revoked_at] as const]),
    ["Manifest", release.manifest_sha256],
  ]);
  const notes = release.notes === null ? "" : `Notes\n${indent(escapeBlock(release.notes))}`;
  return [head, artifactsText(release.artifacts), notes].filter(Boolean).join("\n\n");
}

export function releasesText(releases: readonly ReleaseRecord[]): string {
  return table(
    ["RELEASE", "VERSION", "STATUS", "CURRENT IN", "ARTIFACTS", "PUBLISHED"],
    releases.map((release) => [
      release.id,
      versionOf(release),
      release.status,
      release.current_in.join(", "),
      release.artifacts.length,
      release.published_at,
    ]),
  );
}

export function artifactsText(artifacts: readonly (ArtifactRecord | PublishedArtifact)[]): string {
  if (artifacts.length === 0) return "No artifacts.";
  const rows = table(
    ["PLATFORM", "ARCH", "FORMAT", "FILE", "SIZE", "CHECKED", "SHA-256"],
    artifacts.map((artifact) => [
      artifact.platform,
      artifact.arch,
      artifact.format,
      artifact.filename,
      naturalBytes(artifact.size_bytes),
      artifact.validation_status,
      artifact.sha256,
    ]),
  );
  return [rows, ...artifacts.flatMap(findingLines)].join("\n");
}

export function channelText(channel: ChannelRecord): string {
  const { policy } = channel;
  return fields([
    ["Channel", channel.name],
    ["App", channel.app],
    ["Current", currentOf(channel)],
    ["Rollback goes to", channel.previous_release_id],
    ["Rollout", `${channel.rollout_percent}%`],
    ["Moves", policy.promote === "auto" ? "on publish" : "by hand only"],
    ["Validation", policy.require_validation ? "required" : "not required"],
    ["Releases from", policy.from === null ? "anywhere" : policy.from],
    ["Minimum time there", policy.min_time_seconds === 0 ? "none" : `${policy.min_time_seconds} s`],
    ["Keeps", keepText(channel.retention_keep)],
    ["Updated", channel.updated_at],
  ]);
}

export function channelsText(channels: readonly ChannelRecord[]): string {
  return table(
    ["CHANNEL", "CURRENT", "ROLLOUT", "MOVES", "UPDATED"],
    channels.map((channel) => [
      channel.name,
      currentOf(channel),
      `${channel.rollout_percent}%`,
      channel.policy.promote,
      channel.updated_at,
    ]),
  );
}

export function tokenText(token: TokenRecord): string {
  return fields([
    ["Token", token.name],
    ["Id", token.id],
    ["Status", token.status],
    ["Scopes", token.scopes.join(", ")],
    ["App", token.app ?? "any"],
    ["Channel", token.channel ?? "any"],
    ["Created", `${token.created_at} by ${token.created_by}`],
    ["Expires", token.expires_at ?? "never"],
    ["Last used", token.last_used_at],
    ...(token.revoked_at === null ? [] : [["Revoked", token.revoked_at] as const]),
  ]);
}

export function shareText(share: ShareRecord): string {
  return fields([
    ["Link", share.id],
    ["App", share.app],
    ["Channel", share.channel ?? "any"],
    ["Status", share.status],
    ["Created", `${share.created_at} by ${share.created_by}`],
    ["Expires", share.expires_at],
    ...(share.revoked_at === null ? [] : [["Revoked", share.revoked_at] as const]),
  ]);
}

/** `1.4.0 (1042)`, or `1.4.0` without a build. */
export function versionOf({ version, build }: { readonly version: string; readonly build: string }): string {
  return build === "" ? version : `${version} (${build})`;
}

function currentOf(channel: ChannelRecord): string | null {
  if (channel.current_version === null) return channel.current_release_id;
  return `${versionOf({ version: channel.current_version, build: channel.current_build ?? "" })} ${channel.current_release_id}`;
}

function keepText(keep: number | null): string {
  if (keep === null) return "as the app says";
  return keep === 0 ? "every release" : `${keep} releases`;
}

function findingLines({ filename, findings }: PublishedArtifact): string[] {
  return findings.map(({ severity, message, code }) => say`  ${filename}: ${severity}: ${message} (${code})`);
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
