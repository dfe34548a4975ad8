import { toTimestamp } from "../../base/clock.ts";
import { DistError, type ErrorKind } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { Reader, Transaction } from "../../catalog/database.ts";
import { appBySlug } from "../../catalog/queries/apps.ts";
import { artifactsOfRelease, publishedVersion, releaseById } from "../../catalog/queries/releases.ts";
import type { AppTable, ArtifactTable, ReleaseTable, StorageLocationTable } from "../../catalog/tables.ts";
import type { Platform } from "../../inspect/inspection.ts";
import type { JsonObject } from "../../log/events.ts";
import { appNotFound, maySeeApp, requireScope } from "../access.ts";
import { findOrCreateApp } from "../apps.ts";
import { findOrCreateChannel } from "../channels/find-channel.ts";
import type { Context } from "../context.ts";
import { appErrors, packageErrors, releaseErrors } from "../errors.ts";
import { earlierAnswerTo, once } from "../idempotency.ts";
import { dropLeases, requireObjects } from "../objects/leases.ts";
import { storeBytes } from "../objects/upload-objects.ts";
import { encodeManifest } from "../package-manifest.ts";
import { recordingTime } from "../recording-time.ts";
import type { ArtifactRequest, PublishRequest, PublishResult, ReleaseHead } from "../records/releases.ts";
import {
  checkBuild,
  checkChannelName,
  checkMetadata,
  checkNotes,
  checkSlug,
  checkVersion,
  MAX_ARTIFACTS,
} from "../rules.ts";
import { pinFirstSigners, requireSameIdentity } from "./check-identity.ts";
import {
  packageFile,
  prepareArtifact,
  type PreparedArtifact,
  requireDistinct,
  validationFailed,
} from "./prepare-artifact.ts";
import { publishResult, promotePublished } from "./publish-result.ts";
import {
  recordDraft,
  recordFiles,
  recordFinalized,
  recordPublished,
  recordValidated,
} from "./record-release.ts";

/** Notes up to this size stand in the event; longer ones are an object of their own. */
const MAX_INLINE_NOTES_BYTES = 16 * 1024;
/** Keys of a release package's metadata that the registry sets itself. */
const RESERVED_METADATA = ["version", "build"];

/** What a publication is about, in normal form. */
export interface CheckedHead {
  readonly slug: string;
  readonly displayName: string | undefined;
  readonly version: string;
  readonly build: string;
  readonly channel: string | null;
  readonly notes: string | null;
  readonly ifExists: "fail" | "skip";
}

/** Raises what `publish` would refuse before any byte is sent. */
export async function checkPublish(
  context: Context,
  request: ReleaseHead & { artifacts: readonly { platform: Platform }[] },
): Promise<void> {
  const head = checkHead(context, request);
  checkCount(request.artifacts.length);
  await context.database.read(async (reader) => {
    const app = await visibleApp(reader, context, head.slug);
    if (app === undefined) return;
    requirePlatforms(app, request.artifacts);
    const existing = await reader.first(publishedVersion, { app_id: app.id, ...head });
    if (existing !== undefined && head.ifExists === "fail") throw versionExists(head, existing);
  });
}

/**
 * Publishes a release whose bytes are uploaded. Inspection, the manifest and every byte come before the one transaction
 * that makes the release visible and moves its channel; whatever is refused before it leaves nothing but leases, which
 * are freed.
 */
export async function publish(context: Context, request: PublishRequest): Promise<PublishResult> {
  const uploaded = request.artifacts.map(({ sha256 }) => sha256);
  const made = new Set<string>();
  try {
    return await publishLeased(context, request, made);
  } catch (error) {
    await freeRefused(context, error, [...uploaded, ...made], made);
    throw error;
  }
}

/**
 * "A refused publish frees its leases": where `error` is a refusal, those of `leased`; where the same publication is to be
 * tried again, only those of `made`, which the next try makes anew.
 */
export async function freeRefused(
  context: Context,
  error: unknown,
  leased: Iterable<string>,
  made: Iterable<string>,
): Promise<void> {
  if (!(error instanceof DistError) || unwritten.has(error.kind)) return;
  const freed = retried.has(error.code) ? made : leased;
  await context.database.write(context.principal, (tx) => dropLeases(tx, context.principal, freed));
}

/** Adds to `made` what it stores on the way. */
async function publishLeased(
  context: Context,
  request: PublishRequest,
  made: Set<string>,
): Promise<PublishResult> {
  const head = checkHead(context, request);
  const earlier = await earlierAnswerTo<PublishResult>(context);
  if (earlier !== undefined) return earlier;
  const metadata = packageMetadata(head, request.metadata);
  checkCount(request.artifacts.length);
  const { app, objects } = await locate(context, head, request.artifacts);
  const artifacts: PreparedArtifact[] = [];
  for (const [index, artifact] of request.artifacts.entries()) {
    const prepared = await prepareArtifact(context, artifact, objects[index]!, { app, ...head });
    if (prepared.icon !== null) made.add(prepared.icon.sha256);
    artifacts.push(prepared);
  }
  requireDistinct(artifacts);
  if (artifacts.some(({ status }) => status === "failed")) throw validationFailed(artifacts);
  const existing = app === undefined ? undefined : await existingRelease(context, app, head);
  if (existing !== undefined) {
    return once(context, (tx) => publishAgain(tx, context, head, existing, artifacts, [...made]));
  }
  const plan = await planRelease(context, head, metadata, artifacts, app);
  made.add(plan.manifestSha256);
  if (plan.notesSha256 !== null) made.add(plan.notesSha256);
  return once(context, (tx) => commit(tx, context, head, plan, [...made]));
}

/** Refusals that are followed by another try, which counts on what is uploaded. */
const retried = new Set(["object.missing", "package.changed"]);
/** After these nothing is written: not for who may not publish at all, and not where writing may be what failed. */
const unwritten: ReadonlySet<ErrorKind> = new Set(["unauthenticated", "denied", "unavailable", "corrupt"]);

/** Everything about a new release that is settled before its transaction. */
interface ReleasePlan {
  readonly releaseId: string;
  readonly packageId: string;
  readonly createdAt: string;
  /** The app that the artifacts were held against; undefined when there was none. */
  readonly app: AppTable | undefined;
  readonly metadata: JsonObject;
  readonly artifacts: readonly PreparedArtifact[];
  readonly notes: string | null;
  readonly notesSha256: string | null;
  readonly manifestSha256: string;
  readonly manifestSizeBytes: number;
}

async function commit(
  tx: Transaction,
  context: Context,
  head: CheckedHead,
  plan: ReleasePlan,
  made: readonly string[],
): Promise<PublishResult> {
  const { principal } = context;
  const app = await findOrCreateApp(tx, context, head.slug, head.displayName);
  requirePlatforms(app, plan.artifacts);
  const existing = await tx.first(publishedVersion, {
    app_id: app.id,
    version: head.version,
    build: head.build,
  });
  if (existing !== undefined) return publishAgain(tx, context, head, existing, plan.artifacts, made);
  requireSameIdentity(plan.app, app);
  if (app.retention_class !== (plan.app?.retention_class ?? null)) {
    throw packageErrors.error("package.changed", "The app's retention class changed meanwhile. Retry.");
  }
  const leased = [...plan.artifacts.map(({ sha256 }) => sha256), ...made];
  await requireObjects(tx, tx.now, principal, leased);
  if (head.channel !== null) await findOrCreateChannel(tx, app, head.channel);
  await pinFirstSigners(tx, app, plan.releaseId, plan.artifacts);
  await recordDraft(tx, context, app, { ...plan, ...head, notes: plan.notes });
  await recordFiles(tx, app, plan.packageId, plan.artifacts.map(packageFile));
  for (const artifact of plan.artifacts) await recordValidated(tx, app, plan.releaseId, artifact);
  await recordFinalized(tx, app, {
    packageId: plan.packageId,
    manifestSha256: plan.manifestSha256,
    manifestSizeBytes: plan.manifestSizeBytes,
    files: plan.artifacts.map(packageFile),
    finalizedAt: plan.createdAt,
  });
  await recordPublished(tx, app, { releaseId: plan.releaseId, channel: head.channel });
  await dropLeases(tx, principal, leased);
  const release = (await tx.first(releaseById, { id: plan.releaseId }))!;
  const channel = head.channel === null ? null : await promotePublished(tx, app, release, head.channel);
  return publishResult(tx, context, app, release, channel, "published");
}

/** The bytes of the manifest and of long notes, stored; the ids and the time that they name, chosen. */
async function planRelease(
  context: Context,
  head: CheckedHead,
  metadata: JsonObject,
  artifacts: readonly PreparedArtifact[],
  app: AppTable | undefined,
): Promise<ReleasePlan> {
  const packageId = newId("pkg");
  const createdAt = await recordingTime(context);
  const manifest = encodeManifest({
    packageId,
    kind: "release",
    createdAt,
    finalizedAt: createdAt,
    producer: null,
    subject: head.slug,
    metadata,
    retentionClass: app?.retention_class ?? null,
    files: artifacts.map(packageFile),
  });
  const stored = await storeBytes(context, manifest);
  const { notes, notesSha256 } = await storeNotes(context, head.notes);
  return {
    releaseId: newId("rel"),
    packageId,
    createdAt,
    app,
    metadata,
    artifacts,
    notes,
    notesSha256,
    manifestSha256: stored.sha256,
    manifestSizeBytes: stored.size_bytes,
  };
}

/** Short notes stay text; long ones become an object. */
export async function storeNotes(
  context: Context,
  notes: string | null,
): Promise<{ notes: string | null; notesSha256: string | null }> {
  if (notes === null || Buffer.byteLength(notes) <= MAX_INLINE_NOTES_BYTES)
    return { notes, notesSha256: null };
  const { sha256 } = await storeBytes(context, Buffer.from(notes));
  return { notes: null, notesSha256: sha256 };
}

/**
 * The version is there already. With `skip` and the same bytes that is no failure; a channel that was asked for is
 * promoted as a publication would.
 */
async function publishAgain(
  tx: Transaction,
  context: Context,
  head: CheckedHead,
  existing: ReleaseTable,
  artifacts: readonly PreparedArtifact[],
  made: readonly string[],
): Promise<PublishResult> {
  const release = (await tx.first(releaseById, { id: existing.id }))!;
  if (head.ifExists === "fail" || release.status !== "published") throw versionExists(head, release);
  const present = await tx.all(artifactsOfRelease, { release_id: release.id });
  if (!sameBytes(present, artifacts)) {
    throw releaseErrors.error("transaction.integrity", `${describe(head)} exists with other bytes.`, {
      details: { rule: "release.digest_mismatch", release_id: release.id },
      hint: "Publish under a new version or build: a release never changes.",
    });
  }
  const app = (await tx.first(appBySlug, { slug: head.slug }))!;
  await dropLeases(tx, context.principal, [...artifacts.map(({ sha256 }) => sha256), ...made]);
  if (head.channel === null) return publishResult(tx, context, app, release, null, "unchanged");
  await findOrCreateChannel(tx, app, head.channel);
  const channel = await promotePublished(tx, app, release, head.channel);
  return publishResult(tx, context, app, release, channel, channel.moved ? "promoted" : "unchanged");
}

function sameBytes(present: readonly ArtifactTable[], asked: readonly PreparedArtifact[]): boolean {
  const line = (a: { platform: string; arch: string; format: string; sha256: string }) =>
    `${a.platform}/${a.arch}/${a.format} ${a.sha256}`;
  return present.map(line).toSorted().join() === asked.map(line).toSorted().join();
}

export function checkHead(context: Context, request: ReleaseHead): CheckedHead {
  const slug = checkSlug(request.app);
  const channel =
    request.channel === undefined || request.channel === null ? null : checkChannelName(request.channel);
  requireScope(context.principal, "publish", { app: slug, channel });
  return {
    slug,
    displayName: request.display_name,
    version: checkVersion(request.version),
    build: checkBuild(request.build),
    channel,
    notes: checkNotes(request.notes),
    ifExists: request.if_exists ?? "fail",
  };
}

/** The app, where it exists; somebody who may not see it learns nothing. */
export async function visibleApp(
  reader: Reader,
  context: Context,
  slug: string,
): Promise<AppTable | undefined> {
  const app = await reader.first(appBySlug, { slug });
  if (app !== undefined && !maySeeApp(context.principal, app)) throw appNotFound(slug);
  return app;
}

async function locate(
  context: Context,
  head: CheckedHead,
  artifacts: readonly ArtifactRequest[],
): Promise<{ app: AppTable | undefined; objects: StorageLocationTable[] }> {
  return context.database.read(async (reader) => {
    const app = await visibleApp(reader, context, head.slug);
    if (app !== undefined) requirePlatforms(app, artifacts);
    const digests = artifacts.map(({ sha256 }) => sha256);
    const now = toTimestamp(context.clock.nowMs());
    return { app, objects: await requireObjects(reader, now, context.principal, digests) };
  });
}

async function existingRelease(context: Context, app: AppTable, head: CheckedHead) {
  return context.database.first(publishedVersion, {
    app_id: app.id,
    version: head.version,
    build: head.build,
  });
}

export function requirePlatforms(app: AppTable, artifacts: readonly { platform: Platform }[]): void {
  const allowed = JSON.parse(app.allowed_platforms) as Platform[];
  const refused = artifacts.find(({ platform }) => !allowed.includes(platform));
  if (refused === undefined) return;
  throw appErrors.error(
    "app.platform_not_allowed",
    `${app.slug} does not take artifacts for ${refused.platform}.`,
    {
      details: { app: app.slug, platform: refused.platform, allowed_platforms: allowed },
    },
  );
}

export function versionExists(head: Pick<CheckedHead, "version" | "build" | "slug">, existing: ReleaseTable) {
  return releaseErrors.error(
    "transaction.integrity",
    `${describe(head)} exists already and is ${existing.status}.`,
    {
      details: { rule: "release.version_exists", release_id: existing.id, status: existing.status },
      hint: "Publish under a new version or build; or use --if-exists skip where the bytes are the same.",
    },
  );
}

function checkCount(count: number): void {
  if (count === 0) throw releaseErrors.error("release.empty", "A release needs at least one artifact.");
  if (count <= MAX_ARTIFACTS) return;
  throw releaseErrors.error(
    "release.too_many_artifacts",
    `A release has at most ${MAX_ARTIFACTS} artifacts.`,
    {
      details: { count, limit: MAX_ARTIFACTS },
    },
  );
}

/** The publisher's metadata and the version it belongs to: a manifest alone tells what it is of. */
export function packageMetadata(
  head: Pick<CheckedHead, "version" | "build">,
  given: JsonObject | undefined,
): JsonObject {
  const metadata = checkMetadata(given);
  const reserved = RESERVED_METADATA.find((key) => key in metadata);
  if (reserved !== undefined) {
    throw releaseErrors.error(
      "release.invalid_metadata",
      `The metadata key ${reserved} is the release's own.`,
      {
        details: { key: reserved },
      },
    );
  }
  return { ...metadata, version: head.version, build: head.build };
}

function describe({ slug, version, build }: Pick<CheckedHead, "version" | "build" | "slug">): string {
  return build === "" ? `${slug} ${version}` : `${slug} ${version} (${build})`;
}
