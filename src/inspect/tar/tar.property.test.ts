import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";

import { findingCodes } from "../findings.ts";
import { bufferAccess, tarEntry, tarFile } from "../inspect-fixtures.ts";
import { mutationRuns, mutationsOf } from "../mutation-fixtures.ts";
import { readTar } from "./read-tar.ts";

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
  await fc.assert(
    fc.asyncProperty(mutationsOf(files), fc.boolean(), async (file, verify) => {
      const report = await readTar({ bytes: bufferAccess(file), declared, nowMs: 0, verify });
      for (const { code } of report.findings) expect(findingCodes).toHaveProperty([code]);
      JSON.stringify(report);
    }),
    { numRuns: mutationRuns },
  );
});
