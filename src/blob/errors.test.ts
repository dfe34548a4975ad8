import { describe, expect, it } from "vitest";

import { blobErrors, readError, writeError } from "./errors.ts";

const withErrno = (code: string): Error => Object.assign(new Error(code), { code });

describe("what the file system raises", () => {
  it.each(["ENOSPC", "EDQUOT", "EFBIG"])("is store.full for %s while writing", (errno) => {
    const cause = withErrno(errno);
    expect(writeError("write", cause)).toMatchObject({
      code: "store.full",
      kind: "unavailable",
      details: { errno },
      cause,
    });
  });

  it.each(["EROFS", "EACCES", "EPERM"])("is store.read_only for %s while writing", (errno) => {
    expect(writeError("write", withErrno(errno))).toMatchObject({
      code: "store.read_only",
      kind: "unavailable",
    });
  });

  it.each(["EIO", "EMFILE", "EXDEV"])("is blob.write_failed for %s while writing", (errno) => {
    expect(writeError("write", withErrno(errno))).toMatchObject({
      code: "blob.write_failed",
      kind: "unavailable",
      details: { errno },
    });
  });

  // Catches one table for both: a store that cannot be read is not helped by making it writable.
  it.each(["EIO", "EACCES", "ENOSPC"])("is blob.read_failed for %s while reading", (errno) => {
    expect(readError("read", withErrno(errno))).toMatchObject({
      code: "blob.read_failed",
      kind: "unavailable",
    });
  });

  it("is named even without an errno", () => {
    expect(writeError("write", "odd").message).toBe("Could not write (odd).");
    expect(readError("read", "odd").message).toBe("Could not read (odd).");
  });

  it("keeps an error that has a code of ours", () => {
    const damaged = blobErrors.error("blob.damaged", "x");
    expect(writeError("write", damaged)).toBe(damaged);
    expect(readError("read", damaged)).toBe(damaged);
  });
});
