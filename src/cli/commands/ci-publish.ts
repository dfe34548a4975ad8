import { appendFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { ArtifactRequest, PublishRequest } from "../../registry/records/releases.ts";
import type { Registry } from "../../registry/registry.ts";
import { withResends } from "../../registry/with-resends.ts";
import type { InputOf, Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { dryRun } from "../dry-run.ts";
import { cliErrors } from "../errors.ts";
import { say } from "../escape.ts";
import { checkWritable, unwritable, writeAtomically } from "../output-file.ts";
import { publishSummary, publishText } from "../publish-text.ts";
import { kindsOf, loadManifest, type ResolvedArtifact, resolveArtifacts } from "../read-manifest.ts";
import { readTextFile } from "../read-text-file.ts";
import type { ciPublish } from "../specs/publish.ts";
import { upload } from "../upload.ts";

/** A publish without its artifacts. */
export type PublishHead = Omit<PublishRequest, "artifacts">;

export const run: Run<typeof ciPublish> = async (context, { options }) => {
  const { output, directory, signal } = context;
  const loaded = await loadManifest(options.manifest, directory);
  const head = await publishHead(context, loaded.manifest, options);
  const artifacts = await resolveArtifacts(loaded);
  await checkWritable(options.output, directory);
  await checkWritable(options.summary, directory);
  signal.throwIfAborted();
  const result = options.dryRun
    ? await dryRun(context, head, artifacts)
    : await publish(await context.registry(), context, head, artifacts);
  if (options.output !== undefined) {
    await writeAtomically(resolve(directory, options.output), [`${JSON.stringify(result, null, 2)}\n`]);
  }
  if (options.summary !== undefined) {
    const path = resolve(directory, options.summary);
    await unwritable(path, () => appendFile(path, publishSummary(result)));
  }
  if (result.channel !== null && "refusal" in result.channel && !output.json) {
    output.warn(
      say`${result.channel.name} was not moved: ${result.channel.refusal.message} (${result.channel.refusal.code})`,
    );
  }
  output.result(result, () => publishText(result));
};

async function publish(
  registry: Registry,
  context: CommandContext,
  head: PublishHead,
  artifacts: readonly ResolvedArtifact[],
) {
  await registry.checkPublish({ ...head, artifacts: kindsOf(artifacts) });
  const requests: ArtifactRequest[] = [];
  for (const artifact of artifacts) {
    requests.push(await uploadArtifact(registry, context, artifact));
    context.signal.throwIfAborted();
  }
  return withResends(
    () => registry.publish({ ...head, artifacts: requests }),
    async (missing) => {
      for (const [index, { sha256 }] of requests.entries()) {
        if (missing.has(sha256)) requests[index] = await uploadArtifact(registry, context, artifacts[index]!);
      }
    },
  );
}

async function uploadArtifact(
  registry: Registry,
  context: CommandContext,
  { declared, filename, source }: ResolvedArtifact,
): Promise<ArtifactRequest> {
  const { size, sha256, metadata } = declared;
  const stored = await upload(context, registry, source, { filename, expected: { size, sha256 } });
  return {
    platform: declared.platform,
    arch: declared.arch,
    format: declared.format,
    filename,
    content_type: declared.content_type,
    size: stored.size_bytes,
    sha256: stored.sha256,
    metadata,
  };
}

/** What the release is called: the manifest, under what the command line says. */
async function publishHead(
  context: CommandContext,
  manifest: Awaited<ReturnType<typeof loadManifest>>["manifest"],
  options: InputOf<typeof ciPublish>["options"],
): Promise<PublishHead> {
  if (options.notes !== undefined && options.notesFile !== undefined) {
    throw cliErrors.error("usage.conflicting_options", "--notes and --notes-file exclude each other.");
  }
  const notes =
    options.notesFile === undefined
      ? options.notes
      : await readTextFile(options.notesFile, context.directory);
  const metadata = { ...manifest.metadata, ...Object.fromEntries(options.metadata) };
  return {
    app: manifest.app,
    display_name: manifest.display_name,
    version: options.version ?? manifest.version,
    build: options.build ?? manifest.build,
    channel: options.channel === undefined ? manifest.channel : options.channel,
    notes: notes ?? manifest.notes,
    if_exists: options.ifExists,
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
  };
}
