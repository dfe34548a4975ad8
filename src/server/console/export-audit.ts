import type { AuditFilter, AuditRecord } from "../../registry/records/events.ts";
import type { Registry } from "../../registry/registry.ts";

/** Events read at once. */
const EVENTS_PER_READ = 1000;

export const exportFormats = { jsonl: "application/jsonl", csv: "text/csv; charset=utf-8" } as const;
export type ExportFormat = keyof typeof exportFormats;

const columns = [
  "id",
  "created_at",
  "action",
  "actor",
  "actor_id",
  "target_type",
  "target_id",
  "metadata",
] as const;

/**
 * The events that a filter lets through, oldest first, as JSON Lines or CSV (RFC 4180, the metadata as JSON), page by page. What is
 * refused is refused before the first piece.
 */
export async function* exportAudit(
  registry: Pick<Registry, "listAudit">,
  filter: AuditFilter,
  format: ExportFormat,
): AsyncGenerator<string, void, undefined> {
  const line = format === "csv" ? csvLine : (event: AuditRecord) => `${JSON.stringify(event)}\n`;
  let after: string | undefined;
  let head = format === "csv" ? `${columns.join(",")}\r\n` : "";
  for (;;) {
    const request = { ...filter, order: "ascending" as const, limit: EVENTS_PER_READ };
    const page = await registry.listAudit(after === undefined ? request : { ...request, after });
    yield head + page.items.map(line).join("");
    head = "";
    if (page.next === null) return;
    after = page.next;
  }
}

function csvLine(event: AuditRecord): string {
  const cells = columns.map((column) =>
    column === "metadata" ? JSON.stringify(event.metadata) : String(event[column] ?? ""),
  );
  return `${cells.map(csvCell).join(",")}\r\n`;
}

/** Spreadsheets take a cell that begins with one of these for a formula and run it. */
const FORMULA = /^[=+\-@\t\r]/;

function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
