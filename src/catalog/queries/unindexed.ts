import { sql } from "kysely";

/**
 * A column of text, empty for NULL, as no index has it. Without counts of rows an engine takes the first index that fits, however many rows
 * share the value: what is common is compared so, and what is rare leads.
 */
export function unindexed(column: string) {
  return sql<string>`coalesce(${sql.ref(column)}, '')`;
}
