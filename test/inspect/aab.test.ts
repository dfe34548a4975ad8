import { unzipSync, type Zippable } from "fflate";
import { afterAll, beforeAll, expect, it } from "vitest";

import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import type { Arch } from "../../src/inspect/inspection.ts";
import { demosApk } from "../support/acme-apk.ts";
import { AppBundles, bundleOf } from "../support/app-bundle.ts";
import { needs } from "../support/required-tools.ts";

/** Tomorrow: the keys are made after this. */
const nowMs = Date.now() + 24 * 60 * 60 * 1000;

const inspect = (file: Buffer, verify = true, arch?: Arch) =>
  inspectArtifact(
    bufferAccess(file),
    { platform: "android_aab", filename: "a.aab", arch },
    { nowMs, verify },
  );

const codesOf = ({ findings }: Awaited<ReturnType<typeof inspect>>) => findings.map(({ code }) => code);

needs(
  "aapt2",
  "jarsigner",
  "keytool",
)("an Android App Bundle", () => {
  let bundles: AppBundles;
  let files: Zippable;
  beforeAll(async () => {
    bundles = await AppBundles.create();
    files = await bundles.demos();
  });
  afterAll(() => bundles.remove());

  const withModule = async (name: string, module: string) =>
    bundleOf({
      ...files,
      [`${name}/manifest/AndroidManifest.xml`]: await bundles.moduleManifest(name, module),
    });

  it("says of its base what the APK of the same app says", async () => {
    const { facts, identity, icon } = await inspect(bundleOf(files));
    const apk = await inspectArtifact(
      bufferAccess(await demosApk()),
      { platform: "android_apk", filename: "a.apk" },
      { nowMs, verify: false },
    );
    const ownFacts = new Set(["signatures", "certificates", "v4_signature", "icon"]);
    const same = Object.entries(apk.facts).filter(([name]) => !ownFacts.has(name));
    expect(facts).toMatchObject(Object.fromEntries(same));
    expect(facts["icon"]).toBe(`base/${apk.facts["icon"] as string}`);
    expect(facts).toMatchObject({ label: "API Demos", bundletool_version: "1.15.6", modules: [] });
    expect(identity).toEqual({ ...apk.identity, signers: [] });
    expect(icon).not.toBeNull();
    expect(icon).toEqual(apk.icon);
  });

  it.each([
    ["<dist:module><dist:delivery><dist:on-demand/></dist:delivery></dist:module>", ["on_demand"]],
    ["<dist:module><dist:delivery><dist:fast-follow/></dist:delivery></dist:module>", ["fast_follow"]],
    [
      "<dist:module><dist:delivery><dist:install-time/><dist:on-demand/></dist:delivery></dist:module>",
      ["install_time", "on_demand"],
    ],
    ['<dist:module dist:onDemand="true"/>', ["on_demand"]],
    ['<dist:module dist:onDemand="false"/>', ["install_time"]],
    ["<dist:module/>", []],
  ])("names a module with %s", async (module, delivery) => {
    const { facts, findings } = await inspect(await withModule("feature", module));
    expect(facts["modules"]).toEqual([{ name: "feature", delivery }]);
    expect(findings.map(({ code }) => code)).toEqual(["validation.debuggable", "validation.unsigned"]);
  });

  it("with native code is held against the declared architecture", async () => {
    const library = Buffer.from("library");
    const file = bundleOf({
      ...files,
      "base/lib/arm64-v8a/liba.so": library,
      "base/lib/x86/liba.so": library,
    });
    expect((await inspect(file)).facts["architectures"]).toEqual(["arm64-v8a", "x86"]);
    expect(codesOf(await inspect(file, false, "x86_64"))).toContain("validation.arch_mismatch");
    expect(codesOf(await inspect(file, false, "arm64"))).not.toContain("validation.arch_mismatch");
  });

  it.each(["upload", "other"] as const)("signed by the key %s verifies, as jarsigner says", async (key) => {
    const file = await bundles.sign(bundleOf(files), key);
    expect(await bundles.verifies(file)).toBe(true);
    const inspection = await inspect(file);
    expect(codesOf(inspection)).toEqual(["validation.debuggable"]);
    const id = bundles.fingerprint(key);
    expect(inspection.identity.signers).toMatchObject([
      { kind: "android_certificate", id, name: `Acme ${key}`, verified: true },
    ]);
    expect(inspection.facts).toMatchObject({
      signatures: [{ scheme: "jar", verified: true, signers: [id] }],
    });
    const quick = await inspect(file, false);
    expect(quick.identity.signers).toMatchObject([{ id, verified: false }]);
    expect(codesOf(quick)).toEqual(["validation.debuggable"]);
  });

  it("signed twice names both", async () => {
    const file = await bundles.sign(await bundles.sign(bundleOf(files)), "other");
    expect(await bundles.verifies(file)).toBe(true);
    const { identity } = await inspect(file);
    expect(identity.signers.map(({ name }) => name).toSorted()).toEqual(["Acme other", "Acme upload"]);
  });

  it("changed after it was signed is refused, as jarsigner says", async () => {
    const font = Object.keys(files).find((name) => name.endsWith(".ttf"))!;
    const content = Buffer.from(files[font] as Uint8Array);
    const stored = { ...files, [font]: [content, { level: 0 }] } satisfies Zippable;
    const signed = await bundles.sign(bundleOf(stored));
    const at = signed.indexOf(content.subarray(1000, 1100));
    if (at === -1) throw new Error("The font is not stored as it is.");
    const changed = Buffer.from(signed);
    changed[at]! ^= 1;
    expect(await bundles.verifies(changed)).toBe(false);
    const inspection = await inspect(changed);
    expect(inspection.findings).toContainEqual(
      expect.objectContaining({ code: "validation.aab_signature_invalid", where: font }),
    );
    expect(inspection.identity.signers.some(({ verified }) => verified)).toBe(false);
  });

  it("with another file in a signed place is refused: validation.aab_signature_invalid", async () => {
    const signed = unzipSync(await bundles.sign(bundleOf(files)));
    const changes: Record<string, Zippable> = {
      changed: { "base/assets/read_asset.txt": Buffer.from("other") },
      added: { "base/assets/new.txt": Buffer.from("new") },
      "without its manifest": { "META-INF/MANIFEST.MF": Buffer.alloc(0) },
      "with another signature file": { "META-INF/UPLOAD.SF": Buffer.from("Signature-Version: 1.0\r\n\r\n") },
    };
    for (const [name, change] of Object.entries(changes)) {
      const changed: Zippable = { ...signed, ...change };
      if (name === "without its manifest") delete changed["META-INF/MANIFEST.MF"];
      const file = bundleOf(changed);
      expect(await bundles.verifies(file), name).toBe(false);
      const errors = (await inspect(file)).findings.filter(({ severity }) => severity === "error");
      expect(new Set(errors.map(({ code }) => code)), name).toEqual(
        new Set(["validation.aab_signature_invalid"]),
      );
    }
    delete signed["META-INF/UPLOAD.RSA"];
    expect(codesOf(await inspect(bundleOf(signed)))).toContain("validation.aab_signature_invalid");
  });

  it("with nothing that can be read passes with what is said of it", async () => {
    const inspection = await inspect(
      bundleOf({
        "BundleConfig.pb": Buffer.from([0x0f]),
        "base/manifest/AndroidManifest.xml": Buffer.alloc(3),
      }),
    );
    expect(inspection.status).toBe("passed");
    expect(new Set(codesOf(inspection))).toEqual(new Set(["validation.damaged", "validation.unsigned"]));
  });

  it("with elements in elements without end is not followed: validation.limit", async () => {
    let node: Buffer = Buffer.alloc(0);
    for (let depth = 0; depth < 2000; depth += 1) node = message(1, message(5, node));
    const file = bundleOf({ "base/manifest/AndroidManifest.xml": message(1, message(5, node)) });
    expect(codesOf(await inspect(file))).toEqual(["validation.limit", "validation.unsigned"]);
  });

  it("with more parts than are gone through is not looked at: validation.limit", async () => {
    const empty = (field: number, count: number) =>
      Buffer.alloc(2 * count, Buffer.from([(field << 3) | 2, 0]));
    const attributes = bundleOf({
      "base/manifest/AndroidManifest.xml": message(1, empty(4, 600_000)),
    });
    expect(codesOf(await inspect(attributes, false))).toContain("validation.limit");
    const packages = bundleOf({ ...files, "base/resources.pb": empty(2, 400_000) });
    expect(codesOf(await inspect(packages, false))).toContain("validation.limit");
  });
});

/** A message with one field, which is a message: a length below 2^21. */
function message(field: number, content: Buffer): Buffer {
  const { length } = content;
  const size = [(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, (length >> 14) & 0x7f];
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...size]), content]);
}
