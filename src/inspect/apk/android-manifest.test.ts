import { describe, expect, it } from "vitest";

import { findingCodes } from "../findings.ts";
import { inspectArtifact } from "../inspect-artifact.ts";
import { bufferAccess } from "../inspect-fixtures.ts";
import type { Arch } from "../inspection.ts";
import {
  androidManifest,
  apkFile,
  binaryXml,
  type FixtureManifest,
  type FixtureResource,
  manifestTree,
  resourceTable,
} from "./apk-fixtures.ts";

const inspect = (files: Record<string, Uint8Array>, arch?: Arch, verify = true) =>
  inspectArtifact(
    bufferAccess(apkFile(files)),
    { platform: "android_apk", filename: "a.apk", arch },
    { nowMs: Date.parse("2026-01-01T00:00:00Z"), verify },
  );

const ofManifest = (manifest: FixtureManifest, resources: readonly FixtureResource[] = []) =>
  inspect({ "AndroidManifest.xml": androidManifest(manifest), "resources.arsc": resourceTable(resources) });

const codes = async (result: ReturnType<typeof inspect>) => (await result).findings.map(({ code }) => code);

const png = Buffer.from("\x89PNG\r\n\x1a\nand more", "latin1");
const webp = Buffer.from("RIFF\0\0\0\0WEBPand more", "latin1");

describe("an APK's manifest", () => {
  it("is read", async () => {
    const { facts, identity } = await ofManifest({
      children: [
        { name: "uses-permission", attributes: { "android:name": "android.permission.CAMERA" } },
        { name: "uses-permission-sdk-23", attributes: { "android:name": "android.permission.NFC" } },
        {
          name: "uses-permission",
          attributes: { "android:name": "android.permission.OLD", "android:maxSdkVersion": 18 },
        },
        { name: "uses-feature", attributes: { "android:name": "android.hardware.camera" } },
        {
          name: "uses-feature",
          attributes: { "android:name": "android.hardware.nfc", "android:required": false },
        },
      ],
    });
    expect(facts).toMatchObject({
      package: "org.example.acme",
      version_name: "1.4",
      version_code: "42",
      label: "Acme",
      min_os: "Android 7.0 (API 24)",
      min_sdk: 24,
      target_sdk: 29,
      max_sdk: null,
      permissions: ["android.permission.CAMERA", "android.permission.NFC"],
      features: ["android.hardware.camera"],
      optional_features: ["android.hardware.nfc"],
      deep_links: [],
      debuggable: false,
      test_only: false,
    });
    expect(identity).toEqual({
      id: "org.example.acme",
      version: "1.4",
      build: "42",
      label: "Acme",
      signers: [],
    });
  });

  // Android goes by the numbers of attributes: a packer's other names must not hide what the device reads.
  it("is read whatever its attributes are called", async () => {
    const manifest = binaryXml(manifestTree({ application: { "android:debuggable": true } }), () => "");
    const { facts } = await inspect({ "AndroidManifest.xml": manifest });
    expect(facts).toMatchObject({ version_name: "1.4", label: "Acme", debuggable: true });
  });

  it("has its references resolved, through others, for any device", async () => {
    const reference = (id: number) => ({ reference: id });
    const { facts } = await ofManifest(
      {
        attributes: { "android:versionName": reference(0x7f010002) },
        application: { "android:label": reference(0x7f010001) },
      },
      [
        { id: 0x7f010001, language: "de", value: "Acme auf Deutsch" },
        { id: 0x7f010001, value: reference(0x7f020000) },
        { id: 0x7f020000, value: "Acme Label" },
        { id: 0x7f010002, value: "2.0" },
      ],
    );
    expect(facts).toMatchObject({ label: "Acme Label", version_name: "2.0" });
  });

  it.each(["plain", "sparse", "short", "compact"] as const)(
    "finds values kept in the %s way",
    async (encoding) => {
      const { facts } = await ofManifest({ application: { "android:label": { reference: 0x7f030007 } } }, [
        { id: 0x7f030007, value: "Found", encoding },
      ]);
      expect(facts["label"]).toBe("Found");
    },
  );

  it("whose references go round in a circle or nowhere has no such text", async () => {
    const { facts, findings } = await ofManifest(
      {
        attributes: { "android:versionName": { reference: 0x7f010009 } },
        application: {
          "android:label": { reference: 0x7f010001 },
          "android:icon": { reference: 0x7f010001 },
        },
      },
      [
        { id: 0x7f010001, value: { reference: 0x7f010002 } },
        { id: 0x7f010002, value: { reference: 0x7f010001 } },
      ],
    );
    expect(facts).toMatchObject({ label: null, version_name: null, icon: null });
    expect(findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
  });

  it("with a major version code counts beyond 32 bits", async () => {
    const { identity } = await ofManifest({ attributes: { "android:versionCodeMajor": 1 } });
    expect(identity.build).toBe(String(2 ** 32 + 42));
  });

  it("names its deep links: each scheme of a filter with each host", async () => {
    const data = (attributes: Record<string, string>) => ({ name: "data", attributes });
    const filter = (...children: readonly ReturnType<typeof data>[]) => ({ name: "intent-filter", children });
    const { facts } = await ofManifest({
      activities: [
        {
          name: "activity",
          children: [
            filter(
              data({ "android:scheme": "https" }),
              data({ "android:scheme": "http", "android:host": "acme.example" }),
            ),
            filter(data({ "android:scheme": "acme" })),
            filter(),
          ],
        },
        { name: "receiver", children: [filter(data({ "android:scheme": "package" }))] },
      ],
    });
    expect(facts["deep_links"]).toEqual(["https://acme.example", "http://acme.example", "acme:"]);
  });

  it("of a preview names the release before: validation.debuggable, validation.test_only", async () => {
    const manifest = binaryXml({
      name: "manifest",
      children: [
        { name: "uses-sdk", attributes: { "android:minSdkVersion": "O" } },
        { name: "application", attributes: { "android:debuggable": true, "android:testOnly": true } },
      ],
    });
    const { facts, findings } = await inspect({ "AndroidManifest.xml": manifest });
    expect(facts).toMatchObject({ min_sdk: 25, package: null, version_code: null });
    expect(findings.map(({ code }) => code)).toEqual([
      "validation.debuggable",
      "validation.test_only",
      "validation.unsigned",
    ]);
  });

  it("that is missing or damaged is told, and the rest is read", async () => {
    const library = { "lib/x86/liba.so": png };
    expect(await codes(inspect(library))).toEqual(["validation.manifest_missing", "validation.unsigned"]);
    const damaged = inspect({ ...library, "AndroidManifest.xml": Buffer.from("<manifest/>") });
    expect(await codes(damaged)).toEqual(["validation.damaged", "validation.unsigned"]);
    expect((await damaged).facts["architectures"]).toEqual(["x86"]);
    const resources = inspect({ "AndroidManifest.xml": androidManifest(), "resources.arsc": png });
    expect(await codes(resources)).toEqual(["validation.damaged", "validation.unsigned"]);
    expect((await resources).facts["label"]).toBe("Acme");
  });
});

describe("an APK's native code", () => {
  const libraries = { "lib/arm64-v8a/liba.so": png, "lib/armeabi-v7a/liba.so": png, "lib/readme.txt": png };

  it("names what it runs on", async () => {
    const { facts, arch } = await inspect({ "AndroidManifest.xml": androidManifest(), ...libraries });
    expect(facts["architectures"]).toEqual(["arm64-v8a", "armeabi-v7a"]);
    expect(arch).toBe("universal");
  });

  it("is held against the declared architecture", async () => {
    expect(await codes(inspect(libraries, "arm64"))).not.toContain("validation.arch_mismatch");
    expect(await codes(inspect(libraries, "x86_64"))).toContain("validation.arch_mismatch");
    expect(await codes(inspect({}, "x86_64"))).not.toContain("validation.arch_mismatch");
  });
});

describe("an APK's icon", () => {
  const withIcon = (resources: readonly FixtureResource[], files: Record<string, Uint8Array>) =>
    inspect({
      "AndroidManifest.xml": androidManifest({ application: { "android:icon": { reference: 0x7f010000 } } }),
      "resources.arsc": resourceTable(resources),
      ...files,
    });

  it("is the picture for the finest screens, not the drawing", async () => {
    const { icon, facts } = await withIcon(
      [
        { id: 0x7f010000, density: 160, value: "res/m.png" },
        { id: 0x7f010000, density: 640, value: "res/xxx.webp" },
        { id: 0x7f010000, density: 0xfffe, value: "res/adaptive.xml" },
        { id: 0x7f010000, density: 480, value: "res/xx.png" },
      ],
      { "res/m.png": png, "res/xxx.webp": webp, "res/xx.png": png, "res/adaptive.xml": png },
    );
    expect(icon).toEqual({ contentType: "image/webp", bytes: webp });
    expect(facts["icon"]).toBe("res/xxx.webp");
  });

  it("is none where there is only a drawing, something else or a picture of a megabyte", async () => {
    const large = Buffer.concat([png, Buffer.alloc(1024 * 1024)]);
    const { icon, facts } = await withIcon(
      [
        { id: 0x7f010000, density: 160, value: "res/large.png" },
        { id: 0x7f010000, density: 320, value: "res/text.png" },
        { id: 0x7f010000, density: 0xfffe, value: "res/adaptive.xml" },
      ],
      { "res/large.png": large, "res/text.png": Buffer.from("text"), "res/adaptive.xml": png },
    );
    expect({ icon, path: facts["icon"] }).toEqual({ icon: null, path: null });
  });
});

describe("an APK made to do harm", () => {
  it("with elements in elements without end is not followed", async () => {
    let tree = manifestTree();
    for (let depth = 0; depth < 100; depth += 1) tree = { name: "a", children: [tree] };
    expect(await codes(inspect({ "AndroidManifest.xml": binaryXml(tree) }))).toContain("validation.limit");
  });

  // Strings that share their bytes: 4 MB would become gigabytes.
  it("with a pool whose strings are all the same megabyte is not unfolded", async () => {
    const count = 50_000;
    const start = 28 + 4 * count;
    const pool = Buffer.alloc(start + 70_000, "a");
    pool.writeUInt32LE(0x001c0001, 0);
    pool.writeUInt32LE(pool.length, 4);
    for (const [at, value] of [count, 0, 0x100, start, 0].entries()) pool.writeUInt32LE(value, 8 + at * 4);
    // "0xffff": 32,767 characters, 32,767 bytes.
    for (let index = 0; index < count; index += 1) {
      pool.writeUInt32LE(index % 1000, 28 + index * 4);
    }
    pool.fill(0xff, start, start + 1004);
    const attributes = Buffer.alloc(20 * count);
    for (let index = 0; index < count; index += 1) {
      attributes.writeUInt32LE(0xffffffff, index * 20);
      attributes.writeUInt32LE(index, index * 20 + 4);
    }
    const element = Buffer.alloc(36);
    element.writeUInt32LE(0x00100102, 0);
    element.writeUInt32LE(36 + attributes.length, 4);
    element.writeUInt16LE(20, 24);
    element.writeUInt16LE(20, 26);
    element.writeUInt16LE(count, 28);
    const body = Buffer.concat([pool, element, attributes]);
    const header = Buffer.alloc(8);
    header.writeUInt32LE(0x00080003, 0);
    header.writeUInt32LE(8 + body.length, 4);
    const result = inspect({ "AndroidManifest.xml": Buffer.concat([header, body]) });
    expect(await codes(result)).toContain("validation.limit");
  });

  it("with more types of resources than are gone through is not looked at", async () => {
    const table = resourceTable(Array.from({ length: 20_001 }, () => ({ id: 0x7f010000, value: 1 })));
    const result = inspect({ "AndroidManifest.xml": androidManifest(), "resources.arsc": table });
    expect(await codes(result)).toContain("validation.limit");
  });

  it("is cut off anywhere without a word that is not known", async () => {
    const file = apkFile({ "AndroidManifest.xml": androidManifest(), "resources.arsc": resourceTable([]) });
    for (let length = 4; length < file.length; length += 1) {
      const bytes = bufferAccess(file.subarray(0, length));
      const declared = { platform: "android_apk", filename: "a.apk" } as const;
      const { findings, status } = await inspectArtifact(bytes, declared, { nowMs: 0, verify: true });
      expect(findings.filter(({ code }) => !(code in findingCodes))).toEqual([]);
      // Below that a file is a placeholder.
      if (length > 512) expect(status, String(length)).toBe("failed");
    }
  });
});
