import { hasCode } from "../base/errors.ts";
import type { JsonObject } from "../log/events.ts";
import { sourceChanged } from "../registry/file-source.ts";
import type { CreatedPackage, PackageRecord, PackageRequest } from "../registry/records/packages.ts";
import type { ReportOptions } from "../registry/records/pages.ts";
import type { Registry } from "../registry/registry.ts";
import { type DirectoryDescription, describeDirectory } from "./describe-directory.ts";
import { ingestErrors } from "./errors.ts";
import { type HashedFile, hashFiles } from "./hash-files.ts";
import { ingestKey } from "./ingest-key.ts";
import { missingFiles } from "./missing-files.ts";
import type { IngestProfile } from "./profiles.ts";
import { scanDirectory, type SkippedEntry } from "./scan-directory.ts";
import { sendFiles } from "./send-files.ts";
import { type IngestSummary, summarise } from "./summary.ts";

export interface IngestRequest {
  readonly directory: string;
  readonly profile?: IngestProfile | null | undefined;
  /** The profile's when absent; so is the subject. */
  readonly producer?: string | null | undefined;
  readonly subject?: string | null | undefined;
  /** The store's default class when absent. */
  readonly retentionClass?: string | undefined;
  /** Besides what the profile says. */
  readonly metadata?: JsonObject | undefined;
}

/** What `dist package ingest --json` prints. */
export interface IngestResult {
  /** `unchanged`: the package was there and finalized, and nothing was sent. */
  readonly status: "created" | "unchanged";
  readonly package: PackageRecord;
  readonly manifest: { readonly sha256: string; readonly size_bytes: number };
  readonly summary: IngestSummary;
  /** What is in the directory and not in the package: links and other special files. */
  readonly skipped: readonly SkippedEntry[];
}

/** How often a package is finalized anew that another ingest of the same run changed meanwhile. */
const MAX_FINALIZATIONS = 5;

/**
 * Registers a directory as one package: every regular file under its relative path. The same directory again, whoever ingests it, is
 * the same package; one that was stopped goes on with what is missing. `open` is called once the directory is found to be in order, so that no
 * store is made for one that is not. Raises what `scanDirectory`, the profile, `hashFiles`,
 * `createPackage` and `sendFiles` raise, `ingest.metadata_taken`, `ingest.package_differs`, and the signal's reason.
 */
export async function ingestDirectory(
  open: () => Promise<Registry>,
  request: IngestRequest,
  options: ReportOptions = {},
): Promise<IngestResult> {
  const { directory, profile = null } = request;
  const { signal } = options;
  const scanned = await scanDirectory(directory, options);
  const described = await describeDirectory(directory, scanned, { profile, signal });
  const registry = await open();
  // Hashing may take long: who asks, and whether there is a registry at all, shows before.
  await registry.retentionClasses();
  const files = await hashFiles(directory, scanned.files, options);
  refuseChange(described, files);
  signal?.throwIfAborted();
  const created = await registry.createPackage(packageRequest(request, described, files));
  const { status, record } = await fill(registry, created, { directory, files }, options);
  const manifest = { sha256: record.manifest_sha256!, size_bytes: record.manifest_size_bytes! };
  const summary = summarise(record, described, { files, skipped: scanned.skipped });
  return { status, package: record, manifest, summary, skipped: scanned.skipped };
}

/** Brings what is missing and finalizes; `unchanged` when there is nothing to do. */
async function fill(
  registry: Registry,
  { created: isNew, ...opened }: CreatedPackage,
  { directory, files }: { directory: string; files: readonly HashedFile[] },
  options: ReportOptions,
): Promise<{ status: IngestResult["status"]; record: PackageRecord }> {
  const missing = isNew ? files : await missingFiles(registry, opened, files);
  if (opened.status === "finalized") return { status: "unchanged", record: opened };
  try {
    await sendFiles(registry, { packageId: opened.id, directory, files: missing }, options);
    return { status: "created", record: await finalize(registry, opened.id) };
  } catch (error) {
    if (!hasCode(error, "package.not_open")) throw error;
    // Another ingest of the same run was faster.
    const now = await registry.getPackage(opened.id);
    if (now.status !== "finalized") throw error;
    await missingFiles(registry, now, files);
    return { status: "unchanged", record: now };
  }
}

async function finalize(registry: Registry, id: string): Promise<PackageRecord> {
  for (let count = 1; ; count += 1) {
    try {
      return await registry.finalizePackage(id);
    } catch (error) {
      if (!hasCode(error, "package.changed") || count === MAX_FINALIZATIONS) throw error;
    }
  }
}

function packageRequest(
  request: IngestRequest,
  described: DirectoryDescription,
  files: readonly HashedFile[],
): PackageRequest {
  const producer = request.producer === undefined ? described.producer : request.producer;
  const subject = request.subject === undefined ? described.subject : request.subject;
  const { kind, profile, run } = described;
  return {
    kind,
    producer,
    subject,
    metadata: withGiven(described.metadata, request.metadata ?? {}),
    key: ingestKey({ profile, run, producer, subject, files }),
    ...(request.retentionClass !== undefined && { retention_class: request.retentionClass }),
  };
}

/** Nobody overrides what the directory says of itself. */
function withGiven(said: JsonObject, given: JsonObject): JsonObject {
  const taken = Object.keys(given).find((key) => Object.hasOwn(said, key) && said[key] !== given[key]);
  if (taken === undefined) return { ...said, ...given };
  throw ingestErrors.error(
    "ingest.metadata_taken",
    `The directory itself says what ${taken} is: ${JSON.stringify(said[taken])}.`,
    { details: { key: taken } },
  );
}

/** What the profile read must be what is stored. */
function refuseChange({ read }: DirectoryDescription, files: readonly HashedFile[]): void {
  const changed = files.find(({ path, sha256 }) => read.has(path) && read.get(path) !== sha256);
  if (changed !== undefined) throw sourceChanged(changed.path);
}
