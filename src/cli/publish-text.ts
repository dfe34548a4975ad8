import { naturalBytes } from "../base/text.ts";
import type { PublishResult } from "../registry/records/releases.ts";
import { escapeInline, say } from "./escape.ts";
import { artifactsText, versionOf } from "./views.ts";

/** What a dry run answers: the publish JSON with null where only publishing gives a value. */
export interface DryRunResult {
  readonly status: "dry_run";
  readonly app: { readonly id: null; readonly slug: string };
  readonly release: Nulled<
    PublishResult["release"],
    "id" | "package_id" | "manifest_sha256" | "published_at" | "url"
  >;
  readonly artifacts: readonly Nulled<PublishResult["artifacts"][number], "id" | "url">[];
  readonly channel: { readonly name: string } | null;
}

type Nulled<T, K extends keyof T> = { readonly [P in keyof T]: P extends K ? null : T[P] };

const statusText: Readonly<Record<(PublishResult | DryRunResult)["status"], string>> = {
  published: "Published",
  unchanged: "Unchanged:",
  promoted: "Promoted:",
  dry_run: "Would publish",
};

export function publishText(result: PublishResult | DryRunResult): string {
  const { app, release, artifacts } = result;
  const head = say`${statusText[result.status]} ${app.slug} ${versionOf(release)}`;
  return [
    release.id === null ? `${head}.` : say`${head} as ${release.id}.`,
    channelSentence(result),
    "",
    // A dry run's artifacts differ only in values that the table does not show.
    artifactsText(artifacts as PublishResult["artifacts"]),
  ]
    .filter((line, index) => line !== "" || index === 2)
    .join("\n");
}

/** A section in Markdown for the page of a CI job. */
export function publishSummary(result: PublishResult | DryRunResult): string {
  const { app, release, artifacts } = result;
  const rows = artifacts.map(
    (artifact) =>
      `| ${[artifact.platform, artifact.arch, artifact.format, artifact.filename, naturalBytes(artifact.size_bytes), artifact.validation_status].map(markdown).join(" | ")} | \`${artifact.sha256}\` |`,
  );
  const remarks = artifacts.flatMap(({ filename, findings }) =>
    findings.map(
      ({ severity, message, code }) =>
        `- ${markdown(filename)}: ${severity}: ${markdown(message)} (\`${code}\`)`,
    ),
  );
  return [
    `### ${statusText[result.status]} ${markdown(app.slug)} ${markdown(versionOf(release))}`,
    "",
    markdown(
      [release.id === null ? "" : `Release ${release.id}.`, channelSentence(result)]
        .filter(Boolean)
        .join(" "),
    ),
    "",
    "| platform | arch | format | file | size | checked | SHA-256 |",
    "|---|---|---|---|---|---|---|",
    ...rows,
    ...(remarks.length === 0 ? [] : ["", ...remarks]),
    "",
    "",
  ].join("\n");
}

function channelSentence({ channel, status, release }: PublishResult | DryRunResult): string {
  if (channel === null) return "";
  if (status === "dry_run") return say`Channel: ${channel.name}.`;
  if ("refusal" in channel) return say`${channel.name} was not moved (${channel.refusal.code}).`;
  const isCurrent = "current_release_id" in channel && channel.current_release_id === release.id;
  return isCurrent ? say`${channel.name} points at it.` : say`${channel.name} points at another release.`;
}

/** Text that means nothing to a Markdown reader: no tables broken, no HTML, no links made by a file's name. */
function markdown(text: string): string {
  // An underscore inside a word marks no emphasis.
  return escapeInline(text).replaceAll(
    /[\\`*{}[\]()<>#+!|&~@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}
