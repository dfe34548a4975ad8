import { describe, expect, it } from "vitest";

import { DistError } from "../../base/errors.ts";
import { isBusy, translateSqliteError } from "./sqlite-errors.ts";

/** As node:sqlite raises it. */
const sqliteError = (errcode: number) => Object.assign(new Error("what SQLite says"), { errcode });

function translated(error: unknown): unknown {
  try {
    return translateSqliteError("read", () => {
      throw error;
    });
  } catch (raised) {
    return raised;
  }
}

describe("translateSqliteError", () => {
  // Extended codes carry the primary one in their low byte; to compare whole numbers would miss nearly all of them.
  it.each([
    [5, "store.busy"],
    [261, "store.busy"], // SQLITE_BUSY_RECOVERY
    [517, "store.busy"], // SQLITE_BUSY_SNAPSHOT
    [15, "store.busy"], // SQLITE_PROTOCOL
    [8, "store.read_only"],
    [1032, "store.read_only"], // SQLITE_READONLY_DBMOVED
    [14, "store.read_only"],
    [10, "store.io_failed"],
    [266, "store.io_failed"], // SQLITE_IOERR_READ
    [522, "store.io_failed"], // SQLITE_IOERR_SHORT_READ
    [11, "store.damaged"],
    [779, "store.damaged"], // SQLITE_CORRUPT_INDEX
    [26, "store.damaged"],
    [13, "store.full"],
  ])("makes %d a %s that keeps its cause", (errcode, code) => {
    const cause = sqliteError(errcode);
    expect(translated(cause)).toMatchObject({ code, cause, details: { attempt: "read" } });
    expect(isBusy(translated(cause))).toBe(code === "store.busy");
  });

  it.each([
    ["a broken rule of the schema", sqliteError(2067)],
    ["a mistake in the statement", sqliteError(1)],
    ["another error", new TypeError("mine")],
    ["an error of ours", new DistError("app.not_found", "not_found", "gone")],
    ["no error at all", "text"],
  ])("lets %s pass as it is", (_, error) => {
    expect(translated(error)).toBe(error);
    expect(isBusy(error)).toBe(false);
  });
});
