import type { Keyset } from "../catalog/queries/paging.ts";
import { validationErrors } from "./errors.ts";
import type { Page, PageRequest } from "./records/pages.ts";

export const DEFAULT_PAGE_LIMIT = 50;
export const MAX_PAGE_LIMIT = 1_000;

/** The number of entries a page may have. Raises `page.invalid_limit`. */
export function pageLimit(page: PageRequest): number {
  const limit = page.limit ?? DEFAULT_PAGE_LIMIT;
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_LIMIT) return limit;
  throw validationErrors.error(
    "page.invalid_limit",
    `A page has 1 to ${MAX_PAGE_LIMIT} entries, not ${limit}.`,
    {
      details: { limit, maximum: MAX_PAGE_LIMIT },
    },
  );
}

/** Where a newest-first page begins, and that it reads one row more than it shows. */
export function keysetOf(page: PageRequest): Keyset {
  const after = page.after === undefined ? null : decodeCursor(page.after);
  const [createdAt, id] = after ?? [];
  if (after !== null && (typeof createdAt !== "string" || typeof id !== "string"))
    throw invalidCursor(page.after);
  return {
    limit: pageLimit(page) + 1,
    after: after === null ? null : { createdAt: createdAt as string, id: id as string },
  };
}

/** Where a page that is ordered by sequence number begins; null for its start. */
export function seqCursorOf(page: PageRequest): number | null {
  if (page.after === undefined) return null;
  const [seq] = decodeCursor(page.after);
  if (!Number.isSafeInteger(seq)) throw invalidCursor(page.after);
  return seq as number;
}

/** The text behind which a page begins that is ordered by one; null for its start. */
export function pathCursorOf(page: PageRequest): string | null {
  if (page.after === undefined) return null;
  const [path] = decodeCursor(page.after);
  if (typeof path !== "string") throw invalidCursor(page.after);
  return path;
}

/** Cuts the extra row off and names the page that follows. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  item: (row: Row) => Item,
  position: (row: Row) => readonly (string | number)[],
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null;
  return { items: shown.map(item), next };
}

export function encodeCursor(position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString("base64url");
}

function decodeCursor(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(value)) return value;
  } catch {
    // Not a cursor: refused below.
  }
  throw invalidCursor(cursor);
}

function invalidCursor(cursor: string | undefined) {
  return validationErrors.error("page.invalid_cursor", "The cursor is not one this list gave out.", {
    details: { after: cursor },
  });
}
