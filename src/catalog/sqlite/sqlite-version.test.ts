import { describe, expect, it } from "vitest";

import { refuseUnsafeSqlite } from "./sqlite-version.ts";

describe("refuseUnsafeSqlite", () => {
  it.each(["3.51.3", "3.51.10", "3.52.0", "3.100.0", "3.50.7", "3.50.12", "3.44.6", "3.44.7"])(
    "takes %s",
    (version) => {
      expect(() => refuseUnsafeSqlite(version)).not.toThrow();
    },
  );

  it.each([
    "3.7.0",
    "3.40.1",
    "3.43.9",
    "3.44.5",
    "3.45.6",
    "3.49.7",
    "3.50.6",
    "3.51.0",
    "3.51.2",
    "2.51.3",
    "4.0.0",
    "",
  ])("refuses %j", (version) => {
    expect(() => refuseUnsafeSqlite(version)).toThrow(
      expect.objectContaining({ code: "store.unsafe_sqlite", kind: "unavailable" }),
    );
  });

  it("takes the SQLite this Node is linked with", () => {
    expect(() => refuseUnsafeSqlite()).not.toThrow();
  });
});
