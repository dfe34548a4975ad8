import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import { naturalBytes } from "../../base/text.ts";
import type { ArtifactRecord, ReleaseRecord } from "../../registry/records/releases.ts";
import type { Registry } from "../../registry/registry.ts";
import { parseArchName } from "../arch-name.ts";
import type { InputOf, Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { downloadFile } from "../download-file.ts";
import { downloadNames } from "../download-names.ts";
import { cliErrors } from "../errors.ts";
import { say } from "../escape.ts";
import { makeDirectory } from "../output-file.ts";
import { releaseRef } from "../release-head.ts";
import type { releaseDownload } from "../specs/release.ts";
import { versionOf } from "../views.ts";

type Options = InputOf<typeof releaseDownload>["options"];

export const run: Run<typeof releaseDownload> = async (context, { args, options }) => {
  refuseUnclear(args.release, options.channel);
  const registry = await context.registry();
  const release = await findRelease(registry, args.release, options);
  const artifacts = matching(release, options);
  const places = await choosePlaces(artifacts, options.output, context.directory);
  const downloaded: { artifact_id: string; path: string }[] = [];
  for (const { artifact, path } of places) {
    await download(context, registry, artifact, path, options);
    downloaded.push({ artifact_id: artifact.id, path });
  }
  context.output.result({ ...release, downloaded }, () =>
    [
      say`${release.app} ${versionOf(release)}`,
      ...places.map(({ artifact, path }) => say`  ${path}  ${naturalBytes(artifact.size_bytes)}`),
    ].join("\n"),
  );
};

async function download(
  { output, signal }: CommandContext,
  registry: Registry,
  artifact: ArtifactRecord,
  path: string,
  { force, channel }: Options,
): Promise<void> {
  const { id, filename: name, sha256, size_bytes } = artifact;
  const progress = output.progress(name, size_bytes);
  const open = () => registry.openObject(sha256, { artifact: id, channel });
  try {
    const onProgress = (bytes: number) => progress.update(bytes);
    await downloadFile({ name, sha256, size_bytes, open }, path, { force, signal, onProgress });
  } finally {
    progress.end();
  }
}

async function findRelease(
  registry: Registry,
  release: string | undefined,
  options: Options,
): Promise<ReleaseRecord> {
  const { app, build, channel: name } = options;
  if (release !== undefined) return registry.getRelease(app, releaseRef(release, build));
  const channel = await registry.getChannel(app, name ?? "");
  if (channel.current_release_id === null) {
    throw cliErrors.error("cli.channel_empty", say`The channel ${channel.name} points at no release.`, {
      details: { app, channel: channel.name },
    });
  }
  return registry.getRelease(app, { release: channel.current_release_id });
}

function refuseUnclear(release: string | undefined, channel: string | undefined): void {
  if ((release === undefined) !== (channel === undefined)) return;
  const code = release === undefined ? "usage.missing_argument" : "usage.conflicting_options";
  throw cliErrors.error(code, "Name one release, or one --channel.");
}

function matching(release: ReleaseRecord, options: Options): readonly ArtifactRecord[] {
  const arch = parseArchName(options.arch);
  const artifacts = release.artifacts.filter(
    (artifact) =>
      (options.platform === undefined || artifact.platform === options.platform) &&
      (arch === undefined || artifact.arch === arch) &&
      (options.format === undefined || artifact.format === options.format),
  );
  if (artifacts.length > 0) return artifacts;
  const available = release.artifacts.map(
    ({ platform, arch: built, format }) => `${platform}/${built}/${format}`,
  );
  throw cliErrors.error(
    "cli.no_matching_artifact",
    say`${release.app} ${versionOf(release)} has no such file.`,
    {
      details: { release: release.id, available },
      hint: `It has ${available.join(", ") || "no files"}.`,
    },
  );
}

/** One file may be named; several go into a directory, which is made when it is missing. */
async function choosePlaces(
  artifacts: readonly ArtifactRecord[],
  output: string | undefined,
  directory: string,
): Promise<readonly { artifact: ArtifactRecord; path: string }[]> {
  const target = resolve(directory, output ?? ".");
  const kind = await stat(target).catch(() => undefined);
  const [only] = artifacts;
  if (
    only !== undefined &&
    artifacts.length === 1 &&
    kind?.isDirectory() !== true &&
    !output?.endsWith("/")
  ) {
    return [{ artifact: only, path: target }];
  }
  if (kind !== undefined && !kind.isDirectory()) {
    throw cliErrors.error(
      "usage.conflicting_options",
      `${artifacts.length} files match, and --output names one file.`,
      {
        hint: "Narrow it with --platform, --arch or --format, or name a directory.",
      },
    );
  }
  await makeDirectory(target);
  const names = downloadNames(artifacts);
  return artifacts.map((artifact, index) => ({
    artifact,
    path: join(target, names[index] ?? artifact.sha256),
  }));
}
