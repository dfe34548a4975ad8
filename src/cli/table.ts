import { escapeInline } from "./escape.ts";

/** A value of a cell or field; null shows as `-`. */
export type Cell = string | number | boolean | null | undefined;

const gap = "  ";

/** Aligned columns under headings; every cell is escaped, nothing is cut. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [headings, ...rows].map((row) => row.map(show));
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ""))));
  return lines.map((line) => alignLine(line, widths)).join("\n");
}

/** `name  value` lines, values aligned. */
export function fields(entries: readonly (readonly [name: string, value: Cell])[]): string {
  const nameWidth = Math.max(...entries.map(([name]) => width(name)));
  return entries.map(([name, value]) => alignLine([name, show(value)], [nameWidth, 0])).join("\n");
}

function alignLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
    .join(gap)
    .trimEnd();
}

function show(value: Cell): string {
  if (value === null || value === undefined || value === "") return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return escapeInline(String(value));
}

function width(text: string): number {
  return Array.from(text).length;
}
