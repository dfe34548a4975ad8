import { DatabaseSync } from "node:sqlite";

import { catalogErrors } from "../errors.ts";

/**
 * Refuses a SQLite that can lose committed writes: the WAL-reset bug stands in 3.7.0 to 3.51.2, and is fixed in 3.51.3
 * and, of the older lines, in 3.50.7 and 3.44.6. Raises `store.unsafe_sqlite`.
 */
export function refuseUnsafeSqlite(version = linkedVersion()): void {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const number = major * 1_000_000 + minor * 1_000 + patch;
  const fixed = number >= 3_051_003 || (minor === 50 && patch >= 7) || (minor === 44 && patch >= 6);
  if (major === 3 && fixed) return;
  throw catalogErrors.error(
    "store.unsafe_sqlite",
    `SQLite ${version} can lose committed writes; 3.51.3 is needed.`,
    {
      details: { version, needed: "3.51.3" },
      hint: "Use the Node version this program asks for.",
    },
  );
}

function linkedVersion(): string {
  const database = new DatabaseSync(":memory:");
  try {
    return String(database.prepare("SELECT sqlite_version() AS version").get()?.["version"]);
  } finally {
    database.close();
  }
}
