import { toTimestamp } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import type { Reader, Transaction } from "../../catalog/database.ts";
import { filesOfPackage, packageById } from "../../catalog/queries/packages.ts";
import {
  artifactsOfRelease,
  openDraft,
  publishedVersion,
  releaseById,
} from "../../catalog/queries/releases.ts";
import type { AppTable, ArtifactTable, PackageFileTable, ReleaseTable } from "../../catalog/tables.ts";
import type { Finding, Platform } from "../../inspect/inspection.ts";
import { requireScope } from "../access.ts";
import { findApp, findOrCreateApp } from "../apps.ts";
import { requirePublished } from "../channels/channel-policy.ts";
import { findOrCreateChannel } from "../channels/find-channel.ts";
import type { Context } from "../context.ts";
import { packageErrors, releaseErrors } from "../errors.ts";
import { once } from "../idempotency.ts";
import { dropLeases, requireObjects } from "../objects/leases.ts";
import { storeBytes } from "../objects/upload-objects.ts";
import { fileEntry, manifestOf } from "../package-manifest.ts";
import { recordingTime } from "../recording-time.ts";
import type { UploadedObject } from "../records/objects.ts";
import type {
  ArtifactRequest,
  PublishResult,
  ReleaseHead,
  ReleaseRecord,
  ReleaseRef,
} from "../records/releases.ts";
import { checkChannelName, MAX_ARTIFACTS } from "../rules.ts";
import { identityFindings, pinFirstSigners, requireSameIdentity } from "./check-identity.ts";
import { findRelease } from "./find-release.ts";
import {
  artifactPath,
  packageFile,
  prepareArtifact,
  type PreparedArtifact,
  recordedIdentity,
  validationFailed,
} from "./prepare-artifact.ts";
import { promotePublished, publishResult } from "./publish-result.ts";
import {
  checkHead,
  freeRefused,
  packageMetadata,
  requirePlatforms,
  storeNotes,
  versionExists,
  visibleApp,
} from "./publish.ts";
import {
  recordDraft,
  recordFileRemoved,
  recordFiles,
  recordFinalized,
  recordPublished,
  recordValidated,
} from "./record-release.ts";
import { releaseRecord } from "./release-record.ts";

/** Opens a draft, or returns the one that is open for this version and build. */
export async function draftRelease(context: Context, request: ReleaseHead): Promise<ReleaseRecord> {
  const head = checkHead(context, request);
  const metadata = packageMetadata(head, request.metadata);
  const stored = await storeNotes(context, head.notes);
  return once(context, async (tx) => {
    await visibleApp(tx, context, head.slug);
    const app = await findOrCreateApp(tx, context, head.slug, head.displayName);
    const key = { app_id: app.id, version: head.version, build: head.build };
    const published = await tx.first(publishedVersion, key);
    if (published !== undefined) throw versionExists(head, published);
    const present = await tx.first(openDraft, key);
    if (present !== undefined) return releaseRecord(tx, context, app, present);
    const releaseId = newId("rel");
    const ids = { releaseId, packageId: newId("pkg"), createdAt: tx.now };
    const made = stored.notesSha256 === null ? [] : [stored.notesSha256];
    await requireObjects(tx, tx.now, context.principal, made);
    await recordDraft(tx, context, app, { ...head, ...ids, ...stored, metadata });
    await dropLeases(tx, context.principal, made);
    return releaseRecord(tx, context, app, (await tx.first(releaseById, { id: releaseId }))!);
  });
}

/**
 * Adds an uploaded artifact to a draft and records what inspection found, failures included: publication will refuse
 * those. The same bytes again change nothing unless something else is found in them now, as when the app pins another signer; other
 * bytes in the same place need `replace`.
 */
export async function attachArtifact(
  context: Context,
  slug: string,
  ref: ReleaseRef,
  request: ArtifactRequest,
  options: { replace?: boolean },
): Promise<ReleaseRecord> {
  const { principal } = context;
  const {
    app,
    release: draft,
    object,
  } = await context.database.read(async (reader) => {
    const found = await openDraftOf(reader, context, slug, ref);
    requirePlatforms(found.app, [request]);
    const now = toTimestamp(context.clock.nowMs());
    const [located] = await requireObjects(reader, now, principal, [request.sha256]);
    return { ...found, object: located! };
  });
  const artifact = await prepareArtifact(context, request, object, { app, ...draft });
  const made = artifact.icon === null ? [] : [artifact.icon.sha256];
  return once(context, async (tx) => {
    const { release } = await openDraftOf(tx, context, slug, ref);
    const present = await tx.all(artifactsOfRelease, { release_id: release.id });
    const inPlace = present.find((row) => isSamePlace(row, artifact));
    if (inPlace === undefined || !isSameArtifact(inPlace, artifact)) {
      const isReplacement = options.replace === true || inPlace?.sha256 === artifact.sha256;
      requireRoom(present, artifact, inPlace, isReplacement);
      await requireObjects(tx, tx.now, principal, [request.sha256, ...made]);
      if (inPlace !== undefined) await recordFileRemoved(tx, app, release.package_id, inPlace);
      await recordFiles(tx, app, release.package_id, [packageFile(artifact)]);
      await recordValidated(tx, app, release.id, artifact);
    }
    await dropLeases(tx, principal, [request.sha256, ...made]);
    return releaseRecord(tx, context, app, (await tx.first(releaseById, { id: release.id }))!);
  });
}

/** Publishes a draft as one release: finalized, visible and promoted in one transaction. */
export async function publishDraft(
  context: Context,
  slug: string,
  ref: ReleaseRef,
  options: { channel?: string | null },
): Promise<PublishResult> {
  const planned = await planDraft(context, slug, ref, options.channel);
  if ("result" in planned) return planned.result;
  try {
    return await context.database.write(context.principal, (tx) => commitDraft(tx, context, slug, planned));
  } catch (error) {
    const made = [planned.manifest.sha256];
    await freeRefused(context, error, made, made);
    throw error;
  }
}

async function commitDraft(
  tx: Transaction,
  context: Context,
  slug: string,
  plan: DraftPlan,
): Promise<PublishResult> {
  const { release, artifacts, files, channel, finalizedAt, manifest } = plan;
  const app = await findApp(tx, context, slug);
  requireSameIdentity(plan.app, app);
  const present = await tx.first(releaseById, { id: release.id });
  const now = await tx.all(filesOfPackage, { package_id: release.package_id });
  if (present!.status !== "draft" || fingerprint(now) !== fingerprint(files)) {
    throw packageErrors.error("package.changed", "The draft changed while it was being published. Retry.", {
      details: { release_id: release.id },
    });
  }
  const existing = await tx.first(publishedVersion, { ...release });
  if (existing !== undefined) throw versionExists({ ...release, slug }, existing);
  await requireObjects(tx, tx.now, context.principal, [manifest.sha256]);
  if (channel !== null) await findOrCreateChannel(tx, app, channel);
  const identified = artifacts.map((row) => ({ ...row, identity: recordedIdentity(row) }));
  await pinFirstSigners(tx, app, release.id, identified);
  await recordFinalized(tx, app, {
    packageId: release.package_id,
    manifestSha256: manifest.sha256,
    manifestSizeBytes: manifest.size_bytes,
    files: files.map(fileEntry),
    finalizedAt,
  });
  await recordPublished(tx, app, { releaseId: release.id, channel });
  await dropLeases(tx, context.principal, [manifest.sha256]);
  const published = (await tx.first(releaseById, { id: release.id }))!;
  const outcome = channel === null ? null : await promotePublished(tx, app, published, channel);
  return publishResult(tx, context, app, published, outcome, "published");
}

/** A checked draft with the manifest of what it will be, stored. */
interface DraftPlan {
  readonly app: AppTable;
  readonly release: ReleaseTable;
  readonly artifacts: readonly ArtifactTable[];
  readonly files: readonly PackageFileTable[];
  readonly channel: string | null;
  readonly finalizedAt: string;
  readonly manifest: UploadedObject;
}

/** What a draft will be when it is published, checked; or the answer at once, when it is published already. */
async function planDraft(
  context: Context,
  slug: string,
  ref: ReleaseRef,
  channelName: string | null | undefined,
) {
  const { app, release, files } = await context.database.read(async (reader) => {
    const found = await findDraft(reader, context, slug, ref);
    return { ...found, files: await reader.all(filesOfPackage, { package_id: found.release.package_id }) };
  });
  const channel = channelName === undefined ? release.channel : channelName;
  if (channel !== null) checkChannelName(channel);
  requireScope(context.principal, "publish", { app: slug, channel });
  if (release.status === "published") {
    const result = await context.database.read((reader) =>
      publishResult(reader, context, app, release, null, "unchanged"),
    );
    return { result };
  }
  if (release.status !== "draft") requirePublished(release);
  requireScope(context.principal, "publish", { app: slug, channel: release.channel });
  const artifacts = await requireValid(context, app, release);
  const finalizedAt = await recordingTime(context);
  const row = (await context.database.read((reader) =>
    reader.first(packageById, { id: release.package_id }),
  ))!;
  const bytes = manifestOf(row, files, finalizedAt);
  return { app, release, artifacts, files, channel, finalizedAt, manifest: await storeBytes(context, bytes) };
}

/**
 * The draft's artifacts. Raises `release.empty`, `app.platform_not_allowed`, `validation.failed` or `validation.signer_changed` for
 * one that cannot be published.
 */
async function requireValid(
  context: Context,
  app: AppTable,
  release: ReleaseTable,
): Promise<readonly ArtifactTable[]> {
  const artifacts = await context.database.read((reader) =>
    reader.all(artifactsOfRelease, { release_id: release.id }),
  );
  if (artifacts.length === 0) {
    throw releaseErrors.error("release.empty", "The draft has no artifact yet.", {
      details: { release_id: release.id },
    });
  }
  // The app may have been narrowed since they were attached.
  requirePlatforms(app, artifacts as readonly { platform: Platform }[]);
  const judged = artifacts.map((row) => {
    const recorded = JSON.parse(row.findings) as Finding[];
    // What the app pins may have changed since, too, and is what a refusal names.
    const fresh = identityFindings(app, release, { ...row, identity: recordedIdentity(row) });
    const isOld = ({ code }: Finding) => fresh.every((finding) => finding.code !== code);
    return { ...row, findings: [...recorded.filter(isOld), ...fresh] };
  });
  if (judged.some(({ findings }) => findings.some(({ severity }) => severity === "error"))) {
    throw validationFailed(judged);
  }
  return artifacts;
}

/** The draft, or what was published from it. */
async function findDraft(reader: Reader, context: Context, slug: string, ref: ReleaseRef) {
  requireScope(context.principal, "publish", { app: slug, channel: context.principal.channel });
  const app = await findApp(reader, context, slug);
  return { app, release: await findRelease(reader, context, app, ref, { prefer: "draft" }) };
}

/** Raises `package.not_open` when it is published already, and `auth.wrong_channel` when it is for another channel. */
async function openDraftOf(
  reader: Reader,
  context: Context,
  slug: string,
  ref: ReleaseRef,
): Promise<{ app: AppTable; release: ReleaseTable }> {
  const found = await findDraft(reader, context, slug, ref);
  requireScope(context.principal, "publish", { app: slug, channel: found.release.channel });
  if (found.release.status === "draft") return found;
  throw packageErrors.error("package.not_open", `${found.release.version} is ${found.release.status}.`, {
    details: { release_id: found.release.id, status: found.release.status },
    hint: "A release never changes once it is published; make a new version or build.",
  });
}

function requireRoom(
  present: readonly ArtifactTable[],
  artifact: PreparedArtifact,
  inPlace: ArtifactTable | undefined,
  replace: boolean,
): void {
  const path = artifactPath(artifact);
  const taken = present.find((row) => row !== inPlace && row.path.toLowerCase() === path.toLowerCase());
  if (taken !== undefined || (inPlace !== undefined && !replace)) {
    throw packageErrors.error("package.duplicate_path", `The draft has other bytes at ${path}.`, {
      details: { path, sha256: (taken ?? inPlace)!.sha256 },
      hint: "Use --replace to put these in their place.",
    });
  }
  if (inPlace === undefined && present.length >= MAX_ARTIFACTS) {
    throw releaseErrors.error(
      "release.too_many_artifacts",
      `A release has at most ${MAX_ARTIFACTS} artifacts.`,
      {
        details: { count: present.length + 1, limit: MAX_ARTIFACTS },
      },
    );
  }
}

function isSamePlace(row: ArtifactTable, artifact: PreparedArtifact): boolean {
  return row.platform === artifact.platform && row.arch === artifact.arch && row.format === artifact.format;
}

/** The same bytes, of which inspection says the same. */
function isSameArtifact(row: ArtifactTable, artifact: PreparedArtifact): boolean {
  return row.sha256 === artifact.sha256 && row.findings === JSON.stringify(artifact.findings);
}

/** Tells whether a package's files are still the same. */
function fingerprint(files: readonly PackageFileTable[]): string {
  return files.map(({ path, sha256 }) => `${path}\0${sha256}`).join("\0\0");
}
