import { naturalBytes } from "../base/text.ts";
import type {
  HoldRecord,
  PackageFileRecord,
  ListedPackage,
  PackageRecord,
  RetentionClassRecord,
  RetentionHistoryRecord,
  RetentionRecord,
} from "../registry/records/packages.ts";
import { counted, say } from "./escape.ts";
import { fields, table } from "./table.ts";

export function packageText(record: PackageRecord): string {
  const metadata = Object.entries(record.metadata).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return fields([
    ["Package", record.id],
    ["Kind", record.kind],
    ["Status", record.status],
    ...(record.app === null ? [] : [["App", record.app] as const]),
    ["Producer", record.producer],
    ["Subject", record.subject],
    ["Metadata", metadata.join(", ")],
    ["Retention class", record.retention_class],
    ["Files", sizeText(record)],
    ["Manifest", record.manifest_sha256],
    ["Created", record.created_at],
    ["Finalized", record.finalized_at],
    ...(record.failed_at === null ? [] : [["Failed", record.failed_at] as const]),
    ...(record.fail_reason === null ? [] : [["Because", record.fail_reason] as const]),
    ...(record.deleted_at === null ? [] : [["Deleted", record.deleted_at] as const]),
  ]);
}

export function packagesText(packages: readonly ListedPackage[]): string {
  return table(
    ["PACKAGE", "KIND", "STATUS", "SUBJECT", "CLASS", "FILES", "SIZE", "CREATED", "KEPT BY"],
    packages.map((record) => [
      record.id,
      record.kind,
      record.status,
      record.subject ?? (record.release === null ? null : `${record.app} ${record.release.version}`),
      record.retention_class,
      record.file_count,
      naturalBytes(record.size_bytes),
      record.created_at,
      keeperText(record),
    ]),
  );
}

/** What keeps a package, the strongest first. */
function keeperText({ status, kept_by: by, due_at: since, retention_class: name }: ListedPackage): string {
  if (status === "deleted" || status === "failed") return "";
  if (since !== null) return `may go, due ${since.slice(0, 10)}`;
  return [
    ...(by.holds > 0 ? [by.holds === 1 ? "1 hold" : `${by.holds} holds`] : []),
    ...by.channels.map((channel) => `channel ${channel}`),
    ...(by.expires_at === null ? [] : [`until ${by.expires_at.slice(0, 10)}`]),
    ...(by.expires_at === null && name !== null ? ["its class, for ever"] : []),
  ].join(", ");
}

export function filesText(files: readonly PackageFileRecord[]): string {
  return table(
    ["PATH", "SIZE", "TYPE", "SHA-256"],
    files.map((file) => [file.path, naturalBytes(file.size_bytes), file.media_type, file.sha256]),
  );
}

/** `12 files, 3.4 MiB`. */
export function sizeText({
  file_count: files,
  size_bytes: bytes,
}: Pick<PackageRecord, "file_count" | "size_bytes">): string {
  return `${counted(files, "file")}, ${naturalBytes(bytes)}`;
}

/** Whether a package stays, until when, and all that keeps it. */
export function retentionText(record: RetentionRecord): string {
  const reasons = table(
    ["RULE", "UNTIL", "WHY"],
    record.reasons.map(({ rule, until, text }) => [rule, until, text]),
  );
  return [
    [verdict(record), lockText(record)].filter(Boolean).join("\n"),
    record.reasons.length === 0 ? "" : reasons,
    record.holds.length === 0 ? "" : `Holds\n${holdsTable(record.holds)}`,
  ]
    .filter(Boolean)
    .join("\n\n");
}

/** What the object store does to keep it; nothing to say where it does nothing. */
function lockText({ lock, locked_until: until }: RetentionRecord): string {
  if (lock === null) return "";
  if (lock === "applied") return say`The object store refuses to delete its bytes before ${until ?? ""}.`;
  return `The object store is yet to lock its bytes${until === null ? "" : say` beyond ${until}`}.`;
}

/** One sentence. A reason without an end keeps it until something else than time passes. */
function verdict(record: RetentionRecord): string {
  const { package_id: id, eligible_for_deletion: eligible, marked_at: markedAt, holds, reasons } = record;
  if (eligible) {
    const marked = markedAt === null ? "no sweep has recorded it yet" : say`recorded at ${markedAt}`;
    return say`Nothing keeps ${id}: dist store cleanup --apply deletes it (${marked}).`;
  }
  const ends = reasons.flatMap(({ until }) => until ?? []);
  const [last] = ends.toSorted((one, other) => (one < other ? 1 : -1));
  const least = last === undefined ? "" : say`, at least until ${last}`;
  if (holds.length > 0) {
    const released =
      holds.length === 1 ? "its hold is released" : say`its ${holds.length} holds are released`;
    return `${say`${id} is kept until `}${released}${least}.`;
  }
  if (last !== undefined && ends.length === reasons.length) return say`${id} is kept until ${last}.`;
  return `${say`${id} is kept`}${least === "" ? "; no date ends that" : least}.`;
}

export function holdText(hold: HoldRecord): string {
  return fields([
    ["Hold", hold.id],
    ["Package", hold.package_id],
    ["Case", hold.case],
    ["Reason", hold.reason],
    ["Applied", `${hold.applied_at} by ${hold.actor}`],
    ...(hold.released_at === null
      ? []
      : ([
          ["Released", `${hold.released_at} by ${hold.released_by}`],
          ["Released because", hold.release_reason],
        ] as const)),
  ]);
}

function holdsTable(holds: readonly HoldRecord[]): string {
  return table(
    ["HOLD", "CASE", "SINCE", "BY", "REASON"],
    holds.map((hold) => [hold.id, hold.case, hold.applied_at, hold.actor, hold.reason]),
  );
}

export function classesText(classes: readonly RetentionClassRecord[]): string {
  return table(
    ["CLASS", "KEPT FOR", "DEFAULT"],
    classes.map(({ name, default_duration: duration, is_default: isDefault }) => [
      name,
      duration ?? "ever",
      isDefault,
    ]),
  );
}

export function historyText(events: readonly RetentionHistoryRecord[]): string {
  return table(
    ["WHEN", "WHAT", "BY", "DETAILS"],
    events.map(({ at, type, actor, data }) => [
      at,
      type.replace(/^v\d+\.retention\./, ""),
      actor,
      details(data),
    ]),
  );
}

/** What an event says beyond whose it is. */
function details(data: RetentionHistoryRecord["data"]): string {
  return Object.entries(data)
    .filter(([key, value]) => value !== null && !["app_id", "package_id", "actor_id"].includes(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
