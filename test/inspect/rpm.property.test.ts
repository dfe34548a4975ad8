import { describe, expect, it } from "vitest";

import { mutate, MUTATIONS } from "../support/mutations.ts";
import { findingCodes } from "../../src/inspect/findings.ts";
import { bufferAccess, rpmFile, rpmHeader } from "../../src/inspect/inspect-fixtures.ts";
import { readRpm } from "../../src/inspect/rpm/read-rpm.ts";

const read = (file: Buffer, verify = true) =>
  readRpm({
    bytes: bufferAccess(file),
    declared: { platform: "linux", filename: "a.rpm" },
    nowMs: 0,
    verify,
  });

/** NAME, VERSION, ARCH, and REQUIRENAME of two names with their flags and versions. */
const store = "acme\x001.4.0\0noarch\0b\0c\0\x001.0\0\0\0\0\0\0\0\0\x0c";
const main = rpmHeader(
  [
    [1000, 6, 0, 1],
    [1001, 6, 5, 1],
    [1022, 6, 11, 1],
    [1049, 8, 18, 2],
    [1050, 8, 22, 2],
    [1048, 4, store.length - 8, 2],
  ],
  store,
);

describe("an rpm package's header", () => {
  it("is read value by value", async () => {
    expect((await read(rpmFile(main))).facts).toMatchObject({
      name: "acme",
      version: "1.4.0",
      requires: ["b", "c >= 1.0"],
      provides: [],
      release: null,
      is_source: true,
      digests: [],
    });
  });

  it("may claim values that it has not", async () => {
    for (const [type, offset, count] of [
      [8, 0, 0xffffffff],
      [8, 0xffffffff, 1],
      [8, 0x7fffffff, 0x7fffffff],
      [4, 0, 0xffffffff],
      [6, 18, 1],
      [77, 0, 1],
    ]) {
      const header = rpmHeader(
        [
          [1049, type!, offset!, count!],
          [1048, 4, 0, 0xffffffff],
        ],
        "no end",
      );
      const { facts, findings } = await read(rpmFile(header));
      expect(facts).toMatchObject({ requires: [] });
      expect(findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
    }
  });

  it("of any bytes ends in facts and findings that are known", async () => {
    const file = Buffer.concat([rpmFile(main), Buffer.from("payload")]);
    for (let seed = 1; seed <= MUTATIONS; seed += 1) {
      const report = await read(mutate(file, seed, [[96, file.length]]), seed % 2 > 0);
      for (const { code } of report.findings) expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
      JSON.stringify(report);
    }
  }, 600_000);
});
