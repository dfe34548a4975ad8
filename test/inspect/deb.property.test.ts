import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, it } from "vitest";

import { mutate, MUTATIONS } from "../support/mutations.ts";
import { findingCodes } from "../../src/inspect/findings.ts";
import {
  arFile,
  arMember,
  bufferAccess,
  debianBinary,
  tarEntry,
  tarFile,
} from "../../src/inspect/inspect-fixtures.ts";
import { readDeb } from "../../src/inspect/deb/read-deb.ts";

const control = tarFile(
  tarEntry("./control", "Package: a\nVersion: 1\nArchitecture: all\nDepends: b (>= 1), c | d\n"),
  tarEntry("./md5sums", `${"0".repeat(32)}  usr/a\n`),
);
const data = tarFile(
  tarEntry("./usr/", "", "5"),
  tarEntry("./usr/a", "a"),
  tarEntry("./usr/b", "", "2", { link: "a" }),
);

/**
 * A signature that nothing would verify: c2 39 (packet, length); 04 (version), 00, 16 (EdDSA), 08 (SHA-256); 29 bytes of hashed
 * subpackets (time, fingerprint), 10 of others (key id); what would be the signature.
 */
const signature = Buffer.from(
  `c23904001608001d050260000000162104${"ab".repeat(20)}000a0910${"cd".repeat(8)}${"00".repeat(10)}`,
  "hex",
);

const packages = [
  arFile(
    debianBinary(),
    arMember("control.tar", control),
    arMember("data.tar", data),
    arMember("_gpgorigin", signature),
  ),
  arFile(
    debianBinary(),
    arMember("control.tar.zst", zstdCompressSync(control)),
    arMember("data.tar.gz", gzipSync(data)),
  ),
];

it("a Debian package of any bytes ends in facts and findings that are known", async () => {
  const declared = { platform: "linux", filename: "a.deb" } as const;
  const sound = await readDeb({ bytes: bufferAccess(packages[0]!), declared, nowMs: 0, verify: false });
  expect(sound).toMatchObject({ identity: { signers: [{ id: "ab".repeat(20) }] }, findings: [] });
  for (let seed = 1; seed <= MUTATIONS; seed += 1) {
    const file = mutate(packages[seed % packages.length]!, seed);
    const report = await readDeb({ bytes: bufferAccess(file), declared, nowMs: 0, verify: seed % 3 > 0 });
    for (const { code } of report.findings) expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
    JSON.stringify(report);
  }
}, 600_000);
