import type { PackageRecord } from "../registry/records/packages.ts";
import type { DirectoryDescription } from "./describe-directory.ts";
import type { GuideBoardFacts } from "./guide-board/guide-board-run.ts";
import type { HashedFile } from "./hash-files.ts";
import type { IngestProfile } from "./profiles.ts";
import type { SkippedEntry } from "./scan-directory.ts";

/**
 * What a tracking system keeps of a package: its id, its manifest's digest and what the run says, never its bytes.
 * `docs/guide/statehub.md` fixes it. Absent values are null.
 */
export interface IngestSummary extends Omit<GuideBoardFacts, "reports"> {
  readonly schema: "dist.ingest-summary.v1";
  readonly package_id: string;
  readonly manifest_sha256: string;
  readonly kind: string;
  readonly profile: IngestProfile | null;
  readonly producer: string | null;
  readonly subject: string | null;
  readonly retention_class: string | null;
  readonly created_at: string;
  readonly finalized_at: string;
  readonly file_count: number;
  readonly size_bytes: number;
  readonly skipped_count: number;
  /** Reports by name, with what tells their bytes. */
  readonly reports: { readonly [name: string]: readonly ReportSummary[] };
}

export interface ReportSummary {
  readonly path: string;
  readonly sha256: string;
  readonly size_bytes: number;
}

/** The summary of a finalized package. */
export function summarise(
  record: PackageRecord,
  { profile, facts }: DirectoryDescription,
  { files, skipped }: { files: readonly HashedFile[]; skipped: readonly SkippedEntry[] },
): IngestSummary {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const report = (path: string): ReportSummary => {
    const { sha256, sizeBytes } = byPath.get(path)!;
    return { path, sha256, size_bytes: sizeBytes };
  };
  return {
    schema: "dist.ingest-summary.v1",
    package_id: record.id,
    manifest_sha256: record.manifest_sha256!,
    kind: record.kind,
    profile,
    producer: record.producer,
    subject: record.subject,
    retention_class: record.retention_class,
    created_at: record.created_at,
    finalized_at: record.finalized_at!,
    file_count: record.file_count,
    size_bytes: record.size_bytes,
    skipped_count: skipped.length,
    run_id: facts?.run_id ?? null,
    target_profile: facts?.target_profile ?? null,
    assessment_profile: facts?.assessment_profile ?? null,
    evidence_result_counts: facts?.evidence_result_counts ?? null,
    finding_counts: facts?.finding_counts ?? null,
    source_commits: facts?.source_commits ?? null,
    reports: Object.fromEntries(
      Object.entries(facts?.reports ?? {}).map(([name, paths]) => [name, paths.map(report)]),
    ),
  };
}
