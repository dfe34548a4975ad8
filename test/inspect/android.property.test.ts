import { afterAll, beforeAll, expect, it } from "vitest";

import { readAab } from "../../src/inspect/aab/read-aab.ts";
import { androidManifest, apkFile, resourceTable } from "../../src/inspect/apk/apk-fixtures.ts";
import { readApk } from "../../src/inspect/apk/read-apk.ts";
import { findingCodes } from "../../src/inspect/findings.ts";
import type { FormatReader } from "../../src/inspect/format-reader.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import type { Platform } from "../../src/inspect/inspection.ts";
import { ApkSigning } from "../support/apk-signing.ts";
import { AppBundles, bundleOf } from "../support/app-bundle.ts";
import { MUTATIONS, mutate } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";

/** What a hostile file may have held at once, beyond what the tests hold. */
const MAX_HEAP_BYTES = 256 * 1024 * 1024;
/** Around each place where one structure ends and the next begins. */
const BOUNDARY_BYTES = 24;

type Places = ReadonlyArray<readonly [start: number, stop: number]>;

/** Reads files made from `file` and answers the codes that came, all of them known. What the reader throws fails the test. */
async function readDamaged(
  read: FormatReader,
  platform: Platform,
  file: Buffer,
  within: Places,
): Promise<Set<string>> {
  const codes = new Set<string>();
  const take = async (bytes: Buffer, verify: boolean, name: string) => {
    const declared = { platform, filename: "a" } as const;
    const report = await read({ bytes: bufferAccess(bytes), declared, nowMs: Date.now(), verify });
    JSON.stringify(report);
    for (const { code } of report.findings) {
      expect(findingCodes, name).toHaveProperty([code]);
      codes.add(code);
    }
  };
  for (let seed = 1; seed <= MUTATIONS; seed += 1) {
    await take(mutate(file, seed, within), seed % 4 > 0, `seed ${seed}`);
  }
  for (const boundary of new Set(within.flat())) {
    const first = Math.max(0, boundary - BOUNDARY_BYTES);
    for (let length = first; length <= Math.min(boundary + BOUNDARY_BYTES, file.length); length += 1) {
      await take(file.subarray(0, length), true, `cut off at ${length}`);
    }
  }
  expect(process.memoryUsage().heapUsed).toBeLessThan(MAX_HEAP_BYTES);
  return codes;
}

/** Every entry's header and content, the signing block if there is one, the central directory's entries, the end record. */
function structuresOf(file: Buffer): Places {
  const end = file.lastIndexOf(Buffer.from("PK\x05\x06"));
  const directory = file.readUInt32LE(end + 16);
  const places: (readonly [number, number])[] = [[end, file.length]];
  let dataEnd = 0;
  for (let at = directory; at < end;) {
    const next =
      at + 46 + file.readUInt16LE(at + 28) + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
    const local = file.readUInt32LE(at + 42);
    const data = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const stop = data + file.readUInt32LE(at + 20);
    places.push([at, next], [local, data], [data, Math.max(stop, data + 1)]);
    dataEnd = Math.max(dataEnd, stop);
    at = next;
  }
  // Four times, as a block of lengths within lengths has most to get wrong.
  if (dataEnd < directory) for (let count = 0; count < 4; count += 1) places.push([dataEnd, directory]);
  return places;
}

needs("apksigner", "openssl")("an APK that is damaged or hostile", () => {
  let signing: ApkSigning;
  beforeAll(async () => {
    signing = await ApkSigning.create();
  });
  afterAll(() => signing.remove());

  it("ends in facts and findings that are known", { timeout: 3_600_000 }, async () => {
    const application = { "android:label": { reference: 0x7f010000 } };
    const unsigned = apkFile({
      "AndroidManifest.xml": [androidManifest({ minSdk: 21, application }), { level: 0 }],
      "resources.arsc": [resourceTable([{ id: 0x7f010000, value: "Acme" }]), { level: 0 }],
      "lib/x86/liba.so": Buffer.from("library".repeat(50)),
    });
    const key = await signing.key({ subject: "/CN=Acme" });
    const file = await signing.sign(unsigned, [key], ["v1", "v2", "v3"]);
    const codes = await readDamaged(readApk, "android_apk", file, structuresOf(file));
    expect([...codes]).toEqual(
      expect.arrayContaining([
        "validation.apk_signature_invalid",
        "validation.apk_signature_stripped",
        "validation.damaged",
        "validation.truncated",
      ]),
    );
  });
});

needs(
  "aapt2",
  "jarsigner",
  "keytool",
)("an Android App Bundle that is damaged or hostile", () => {
  let bundles: AppBundles;
  beforeAll(async () => {
    bundles = await AppBundles.create();
  });
  afterAll(() => bundles.remove());

  it("ends in facts and findings that are known", { timeout: 3_600_000 }, async () => {
    const delivery = "<dist:module><dist:delivery><dist:on-demand/></dist:delivery></dist:module>";
    const manifest = await bundles.moduleManifest("feature", delivery);
    const demos = await bundles.demos();
    const small = bundleOf({
      "BundleConfig.pb": [demos["BundleConfig.pb"] as Uint8Array, { level: 0 }],
      "base/manifest/AndroidManifest.xml": [manifest, { level: 0 }],
      "base/lib/x86/liba.so": Buffer.from("library".repeat(50)),
      "feature/manifest/AndroidManifest.xml": [manifest, { level: 0 }],
    });
    const file = await bundles.sign(small);
    const codes = await readDamaged(readAab, "android_aab", file, structuresOf(file));
    expect([...codes]).toEqual(
      expect.arrayContaining([
        "validation.aab_signature_invalid",
        "validation.damaged",
        "validation.truncated",
      ]),
    );
  });

  it(
    "has a manifest and resources that end in values or what is wrong with them",
    { timeout: 3_600_000 },
    async () => {
      const demos = await bundles.demos();
      const table = Buffer.from(demos["base/resources.pb"] as Uint8Array);
      const manifest = Buffer.from(demos["base/manifest/AndroidManifest.xml"] as Uint8Array);
      const codes = new Set<string>();
      // Each of them goes through all of the half megabyte.
      for (let seed = 1; seed <= MUTATIONS / 20; seed += 1) {
        const isTable = seed % 2 === 0;
        const parts = {
          "base/manifest/AndroidManifest.xml": isTable ? manifest : mutate(manifest, seed),
          "base/resources.pb": isTable
            ? mutate(table, seed, [
                [0, table.length],
                [0, 64],
              ])
            : table,
        };
        const { findings } = await readAab({
          bytes: bufferAccess(bundleOf(parts, 0)),
          declared: { platform: "android_aab", filename: "a.aab" },
          nowMs: 0,
          verify: false,
        });
        for (const { code } of findings) codes.add(code);
      }
      for (const code of codes) expect(findingCodes).toHaveProperty([code]);
      expect([...codes]).toEqual(expect.arrayContaining(["validation.damaged", "validation.debuggable"]));
    },
  );
});
