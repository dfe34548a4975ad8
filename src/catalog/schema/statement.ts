import type { Dialect } from "../query.ts";

/**
 * A statement of the schema as the engine has it. Integers are as wide as SQLite's, and text sorts by its bytes as there,
 * whatever the database's own collation: pages, digest order and exports are the same on both.
 */
export function statementFor(dialect: Dialect, statement: string): string {
  if (dialect === "sqlite") return statement;
  return statement
    .replaceAll(/\bINTEGER\b/g, "BIGINT")
    .replaceAll(/\bBLOB\b/g, "BYTEA")
    .replaceAll(/\bTEXT\b/g, 'TEXT COLLATE "C"');
}
