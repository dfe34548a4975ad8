import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { cliErrors } from "./errors.ts";

/** Two letters or more before a colon: a single one is a drive of Windows. */
const SCHEME = /^([a-z][a-z0-9+.-]+):/i;

/** The store directory that a path or a `file:` URL names, absolute. Raises `usage.invalid_value` for any other URL. */
export function storeDirectory(flag: string, place: string, directory: string): string {
  const scheme = SCHEME.exec(place)?.[1]?.toLowerCase();
  if (scheme === undefined && place !== "") return resolve(directory, place);
  try {
    if (scheme === "file") return fileURLToPath(place);
  } catch {
    // A host, or an escape that is none.
  }
  throw cliErrors.error(
    "usage.invalid_value",
    `${flag} names no store directory: it is a path or a file: URL.`,
    {
      hint: "Name the store's directory; the dist.toml in it says which database and object store the store is kept in.",
    },
  );
}
