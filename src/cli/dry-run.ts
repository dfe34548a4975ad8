import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hasCode } from "../base/errors.ts";
import type { Environment } from "../config/environment.ts";
import { validationErrors } from "../registry/errors.ts";
import type { PublishRequest } from "../registry/records/releases.ts";
import type { Registry } from "../registry/registry.ts";
import type { CommandContext } from "./context.ts";
import type { OpenRegistry } from "./open-registry.ts";
import type { DryRunResult } from "./publish-text.ts";
import { kindsOf, type ResolvedArtifact } from "./read-manifest.ts";

/**
 * Everything that `ci publish` checks, and nothing that it changes: files are hashed and inspected where they are. For a store that is
 * missing the checks run on an empty one in the temporary directory. Raises what publishing would raise.
 */
export async function dryRun(
  context: CommandContext,
  head: Omit<PublishRequest, "artifacts">,
  artifacts: readonly ResolvedArtifact[],
): Promise<DryRunResult> {
  await withRegistry(context, (registry) =>
    registry.checkPublish({ ...head, artifacts: kindsOf(artifacts) }),
  );
  const inspected: DryRunResult["artifacts"][number][] = [];
  for (const artifact of artifacts) {
    inspected.push(await inspectArtifact(artifact));
    context.signal.throwIfAborted();
  }
  refuseFailed(inspected);
  return {
    status: "dry_run",
    app: { id: null, slug: head.app },
    release: {
      id: null,
      package_id: null,
      version: head.version,
      build: head.build ?? "",
      channel: head.channel ?? null,
      manifest_sha256: null,
      published_at: null,
      url: null,
    },
    artifacts: inspected,
    channel: head.channel == null ? null : { name: head.channel },
  };
}

async function inspectArtifact({
  declared,
  place,
  filename,
  source,
}: ResolvedArtifact): Promise<DryRunResult["artifacts"][number]> {
  const { inspectFile } = await import("../registry/inspect-file.ts");
  const { size_bytes, sha256, blake3, inspection } = await inspectFile(source.path, {
    platform: declared.platform,
    arch: declared.arch,
    format: declared.format,
    filename,
    contentType: declared.content_type,
  });
  if (declared.size !== undefined && declared.size !== size_bytes) {
    throw validationErrors.error(
      "validation.size_mismatch",
      `${filename} has ${size_bytes} bytes, not the declared ${declared.size}.`,
      { details: { path: `${place}.size`, expected: declared.size, actual: size_bytes } },
    );
  }
  if (declared.sha256 !== undefined && declared.sha256 !== sha256) {
    throw validationErrors.error(
      "validation.digest_mismatch",
      `The SHA-256 of ${filename} is not the declared one.`,
      { details: { path: `${place}.sha256`, expected: declared.sha256, actual: sha256 } },
    );
  }
  return {
    id: null,
    platform: declared.platform,
    arch: inspection.arch,
    // Without a format there is a finding that fails the artifact, and this is never printed.
    format: inspection.format ?? declared.format ?? "zip",
    filename,
    content_type: inspection.contentType,
    size_bytes,
    sha256,
    blake3,
    storage_key: sha256,
    validation_status: inspection.status,
    findings: inspection.findings,
    url: null,
  };
}

function refuseFailed(artifacts: DryRunResult["artifacts"]): void {
  const failed = artifacts.filter((artifact) => artifact.validation_status === "failed");
  if (failed.length === 0) return;
  const reasons = failed.flatMap(({ filename, findings }) =>
    findings.filter(({ severity }) => severity === "error").map(({ message }) => `${filename}: ${message}`),
  );
  throw validationErrors.error("validation.failed", `Publishing would be refused: ${reasons.join(" ")}`, {
    details: { artifacts: failed },
  });
}

async function withRegistry(
  context: CommandContext,
  work: (registry: Registry) => Promise<void>,
): Promise<void> {
  const present = await openPresent(context);
  if (present !== undefined) return closing(present, work);
  const directory = await mkdtemp(join(tmpdir(), "dist-dry-run-"));
  try {
    const { variables } = context.environment;
    const environment = { ...context.environment, variables: withoutDatabase(variables) };
    await closing(await context.open({ kind: "store", directory }, environment, { create: true }), work);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The store or server that the command line names; undefined for a store that is missing. */
async function openPresent({
  open,
  connection,
  environment,
}: CommandContext): Promise<OpenRegistry | undefined> {
  try {
    return await open(connection(), environment, { create: false });
  } catch (error) {
    if (hasCode(error, "store.load")) return undefined;
    throw error;
  }
}

async function closing(
  { registry, close }: OpenRegistry,
  work: (registry: Registry) => Promise<void>,
): Promise<void> {
  try {
    await work(registry);
  } finally {
    await close();
  }
}

/** The store in the temporary directory has its database there, whatever database is named for the real one. */
function withoutDatabase(variables: Environment["variables"]): Environment["variables"] {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith("DIST_DATABASE_")));
}
