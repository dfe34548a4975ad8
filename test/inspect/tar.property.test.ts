import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

import { mutate, MUTATIONS } from "../support/mutations.ts";
import { findingCodes } from "../../src/inspect/findings.ts";
import { bufferAccess, tarEntry, tarFile } from "../../src/inspect/inspect-fixtures.ts";
import { readTar } from "../../src/inspect/tar/read-tar.ts";

const long = "n".repeat(150);
const pax = `${10 + long.length} path=${long}\n11 size=11\n`;
const archive = tarFile(
  tarEntry("a/", "", "5"),
  tarEntry("././@LongLink", `${long}\0`, "L"),
  tarEntry("short", "long name"),
  tarEntry("pax", pax, "x"),
  tarEntry("short", "with a size"),
  tarEntry("link", "", "2", { link: "a" }),
);

it("a tar archive of any bytes ends in facts and findings that are known", async () => {
  const declared = { platform: "linux", filename: "a.tar" } as const;
  const files = [archive, gzipSync(archive)];
  const { facts } = await readTar({ bytes: bufferAccess(archive), declared, nowMs: 0, verify: true });
  expect(facts).toMatchObject({ entries: 4, complete: true });
  for (let seed = 1; seed <= MUTATIONS; seed += 1) {
    const file = mutate(files[seed % files.length]!, seed);
    const report = await readTar({ bytes: bufferAccess(file), declared, nowMs: 0, verify: seed % 3 > 0 });
    for (const { code } of report.findings) expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
    JSON.stringify(report);
  }
}, 600_000);
