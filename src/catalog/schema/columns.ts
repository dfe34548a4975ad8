import { migrations } from "./migrations.ts";
import { type ViewName, views } from "./views.ts";

const COLUMN = /^\s*([a-z_0-9]+)\s+(?:TEXT|INTEGER|BLOB)\b/;

/** The columns of every table as this version knows them, in order; a newer one may have added some. */
export const tableColumns: ReadonlyMap<string, readonly string[]> = new Map([
  ...Object.entries(views).map(([name, { columns }]) => [name, namesIn(columns)] as const),
  ...migratedTables(),
]);

export function viewColumns(view: ViewName): readonly string[] {
  return tableColumns.get(view)!;
}

function namesIn(text: string): string[] {
  return text.split("\n").flatMap((line) => COLUMN.exec(line)?.[1] ?? []);
}

function migratedTables(): Map<string, readonly string[]> {
  const tables = new Map<string, readonly string[]>();
  // Made before all migrations.
  tables.set("schema_version", ["version", "view_generation"]);
  for (const statement of migrations.flatMap(({ statements }) => statements)) {
    const [, verb, name = ""] = /^(CREATE|ALTER) TABLE ([a-z_]+) /.exec(statement) ?? [];
    if (verb === "CREATE") tables.set(name, namesIn(statement));
    const added = /^ALTER TABLE [a-z_]+ ADD COLUMN (.*)/.exec(statement)?.[1];
    if (added !== undefined) tables.set(name, [...(tables.get(name) ?? []), ...namesIn(added)]);
  }
  return tables;
}
