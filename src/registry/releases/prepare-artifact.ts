import { newId } from "../../base/ids.ts";
import type { AppTable, ArtifactTable, StorageLocationTable } from "../../catalog/tables.ts";
import type {
  Arch,
  DeclaredArtifact,
  Finding,
  Format,
  Icon,
  Identity,
  Inspection,
  Platform,
} from "../../inspect/inspection.ts";
import { inspectIsolated } from "../../inspect/isolate/inspect-isolated.ts";
import type { JsonObject, PackageFileEntry } from "../../log/events.ts";
import type { Context } from "../context.ts";
import { packageErrors, releaseErrors, validationErrors } from "../errors.ts";
import { storeBytes } from "../objects/upload-objects.ts";
import type { ArtifactRequest } from "../records/releases.ts";
import { checkFilename, checkMetadata } from "../rules.ts";
import { type DeclaredVersion, identityFindings } from "./check-identity.ts";

/** An artifact that was looked at and is ready to be recorded. */
export interface PreparedArtifact {
  readonly id: string;
  readonly platform: Platform;
  readonly arch: Arch;
  readonly format: Format;
  readonly filename: string;
  readonly contentType: string;
  readonly sha256: string;
  readonly blake3: string;
  readonly sizeBytes: number;
  readonly metadata: JsonObject;
  readonly identity: Identity;
  readonly icon: { readonly sha256: string; readonly content_type: string } | null;
  readonly findings: readonly Finding[];
  readonly status: "passed" | "failed";
}

/**
 * Looks inside an uploaded object as the artifact it is declared to be, and stores the icon it finds. Raises
 * `validation.size_mismatch` when it is not as long as declared, and `validation.failed` when not even its format can be told.
 */
export async function prepareArtifact(
  context: Context,
  request: ArtifactRequest,
  object: StorageLocationTable,
  release: { readonly app: AppTable | undefined } & DeclaredVersion,
): Promise<PreparedArtifact> {
  const filename = checkFilename(request.filename);
  const declaredMetadata = checkMetadata(request.metadata);
  if (request.size !== undefined && request.size !== object.size_bytes) {
    throw validationErrors.error(
      "validation.size_mismatch",
      `${filename} has ${object.size_bytes} bytes, not the declared ${request.size}.`,
      { details: { filename, expected: request.size, actual: object.size_bytes } },
    );
  }
  const inspection = await lookInside(context, object, {
    platform: request.platform,
    arch: request.arch,
    format: request.format,
    filename,
    contentType: request.content_type,
  });
  const { format, identity } = inspection;
  if (format === null) throw validationFailed([{ ...request, filename, findings: inspection.findings }]);
  const artifact = { platform: request.platform, format, filename, identity };
  const findings = [...inspection.findings, ...identityFindings(release.app, release, artifact)];
  const status = findings.some(({ severity }) => severity === "error") ? "failed" : "passed";
  return {
    id: newId("art"),
    platform: request.platform,
    arch: inspection.arch,
    format,
    filename,
    contentType: inspection.contentType,
    sha256: object.sha256,
    blake3: object.blake3,
    sizeBytes: object.size_bytes,
    metadata: {
      ...declaredMetadata,
      inspection: { ...inspection.facts, identity } as unknown as JsonObject,
    },
    identity,
    icon: status === "failed" ? null : await storeIcon(context, inspection.icon),
    findings,
    status,
  };
}

async function storeIcon(context: Context, icon: Icon | null): Promise<PreparedArtifact["icon"]> {
  if (icon === null) return null;
  const { sha256 } = await storeBytes(context, icon.bytes);
  return { sha256, content_type: icon.contentType };
}

async function lookInside(
  context: Context,
  object: StorageLocationTable,
  declared: DeclaredArtifact,
): Promise<Inspection> {
  const bytes = await context.blobs.openRandom({ sha256: object.sha256, key: object.physical_key });
  try {
    return await inspectIsolated(bytes, declared, { nowMs: context.clock.nowMs(), verify: true });
  } finally {
    await bytes.close();
  }
}

/**
 * The refusal of artifacts that inspection found errors in: `details.finding` is the first error's code, so that a script
 * sees what is wrong; `details.artifacts` holds every finding.
 */
export function validationFailed(
  artifacts: readonly { platform: string; filename: string; findings: readonly Finding[] }[],
) {
  const failed = artifacts.filter(({ findings }) => findings.some(({ severity }) => severity === "error"));
  const first = failed[0]!.findings.find(({ severity }) => severity === "error")!;
  const details = {
    finding: first.code,
    artifacts: failed.map(({ platform, filename, findings }) => ({ platform, filename, findings })),
  };
  const message = `${failed[0]!.filename}: ${first.message}`;
  if (first.code !== "validation.signer_changed")
    return validationErrors.error("validation.failed", message, { details });
  return validationErrors.error("validation.signer_changed", message, {
    details: { ...details, ...first.details },
    hint: "If the signer changed for good, an administrator pins the new one: dist app set --unpin … --pin … --reason …",
  });
}

/** The identity that inspection recorded of an artifact; undefined where it looked at none yet. */
export function recordedIdentity(row: Pick<ArtifactTable, "metadata">): Identity | undefined {
  const { inspection } = JSON.parse(row.metadata) as { inspection?: { identity?: Identity } };
  return inspection?.identity;
}

/** The artifact's path in its release's package, by which it is listed in the manifest. */
export function artifactPath(artifact: Pick<PreparedArtifact, "platform" | "arch" | "filename">): string {
  return `${artifact.platform}/${artifact.arch}/${artifact.filename}`;
}

export function packageFile(artifact: PreparedArtifact): PackageFileEntry {
  return {
    path: artifactPath(artifact),
    sha256: artifact.sha256,
    blake3: artifact.blake3,
    size: artifact.sizeBytes,
    media_type: artifact.contentType,
  };
}

/** Raises `release.duplicate_artifact` or `package.duplicate_path` when two artifacts would stand in one place. */
export function requireDistinct(artifacts: readonly PreparedArtifact[]): void {
  const kinds = new Set<string>();
  const paths = new Set<string>();
  for (const artifact of artifacts) {
    const kind = `${artifact.platform}/${artifact.arch}/${artifact.format}`;
    if (kinds.has(kind)) {
      throw releaseErrors.error("release.duplicate_artifact", `Two artifacts are ${kind}.`, {
        details: { platform: artifact.platform, arch: artifact.arch, format: artifact.format },
        hint: "Give each its own arch or format.",
      });
    }
    kinds.add(kind);
    const path = artifactPath(artifact);
    // File systems that fold case would keep only one of two names that differ in case alone.
    if (paths.has(path.toLowerCase())) {
      throw packageErrors.error("package.duplicate_path", `Two artifacts would stand at ${path}.`, {
        details: { path },
      });
    }
    paths.add(path.toLowerCase());
  }
}
