import type { Context } from "../context.ts";
import type {
  ArtifactChange,
  ArtifactComparison,
  ArtifactRecord,
  ReleaseComparison,
  ReleaseRecord,
  ReleaseRef,
} from "../records/releases.ts";
import { type Inspected, inspectedOf } from "./inspected.ts";
import { getRelease } from "./releases.ts";

/** What differs between two releases of an app, artifact by artifact. Raises as `getRelease` does. */
export async function compareReleases(
  context: Context,
  slug: string,
  from: ReleaseRef,
  to: ReleaseRef,
): Promise<ReleaseComparison> {
  const [before, after] = [await getRelease(context, slug, from), await getRelease(context, slug, to)];
  return comparison(before, after);
}

/** The comparison of two releases that were read. */
export function comparison(from: ReleaseRecord, to: ReleaseRecord): ReleaseComparison {
  const places = new Map(
    [...from.artifacts, ...to.artifacts].map((artifact) => [placeOf(artifact), artifact]),
  );
  const artifacts = [...places].map(([place, { platform, arch, format }]) => {
    const before = from.artifacts.find((artifact) => placeOf(artifact) === place);
    const after = to.artifacts.find((artifact) => placeOf(artifact) === place);
    return {
      platform,
      arch,
      format,
      status: statusOf(before, after),
      changes: before === undefined || after === undefined ? [] : changesBetween(before, after),
    } satisfies ArtifactComparison;
  });
  return { app: to.app, from: headOf(from), to: headOf(to), artifacts };
}

function headOf({ id, version, build, status, published_at }: ReleaseRecord): ReleaseComparison["from"] {
  return { id, version, build, status, published_at };
}

function placeOf({ platform, arch, format }: ArtifactRecord): string {
  return `${platform}/${arch}/${format}`;
}

function statusOf(
  before: ArtifactRecord | undefined,
  after: ArtifactRecord | undefined,
): ArtifactComparison["status"] {
  if (before === undefined) return "added";
  if (after === undefined) return "removed";
  return before.sha256 === after.sha256 ? "same" : "changed";
}

/** What people weigh before they hand a release out: what it is, how large, what it needs and may do, who signed it. */
function changesBetween(before: ArtifactRecord, after: ArtifactRecord): ArtifactChange[] {
  const [left, right] = [inspectedOf(before), inspectedOf(after)];
  return [
    ...changed("size_bytes", before.size_bytes, after.size_bytes),
    ...changed("id", left.identity?.id, right.identity?.id),
    ...changed("label", left.identity?.label, right.identity?.label),
    ...changed("version", left.identity?.version, right.identity?.version),
    ...changed("build", left.identity?.build, right.identity?.build),
    ...changed("min_os", text(left.min_os), text(right.min_os)),
    ...changedSet("permissions", texts(left.permissions), texts(right.permissions)),
    ...changedSet("signers", signersOf(left), signersOf(right)),
    ...changedSet("findings", codesOf(before), codesOf(after)),
  ];
}

function signersOf({ identity }: Inspected): string[] {
  return (identity?.signers ?? []).map(({ id }) => id);
}

function codesOf({ findings }: ArtifactRecord): string[] {
  return findings.map(({ code }) => code);
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function changed<F extends "size_bytes" | "id" | "label" | "version" | "build" | "min_os">(
  fact: F,
  from: string | number | null | undefined,
  to: string | number | null | undefined,
): ArtifactChange[] {
  return from === to ? [] : [{ fact, from: from ?? null, to: to ?? null, added: [], removed: [] }];
}

function changedSet(
  fact: "permissions" | "signers" | "findings",
  from: readonly string[],
  to: readonly string[],
): ArtifactChange[] {
  const added = [...new Set(to)].filter((item) => !from.includes(item));
  const removed = [...new Set(from)].filter((item) => !to.includes(item));
  return added.length + removed.length === 0 ? [] : [{ fact, from: null, to: null, added, removed }];
}
