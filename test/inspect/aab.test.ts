import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { findingCodes } from "../../src/inspect/findings.ts";
import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import {
  type BundleFiles,
  bundleOf,
  bundleTools,
  exampleApk,
  exampleBundle,
  jarsignerVerifies,
  moduleManifest,
  signBundle,
} from "../support/android-bundle.ts";
import { mutate, MUTATIONS, seeded } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";
import { type SigningKey, SigningKeys } from "../support/signing-keys.ts";

/** Tomorrow: the keys are made after this. */
const nowMs = Date.now() + 24 * 60 * 60 * 1000;

const inspect = (file: Buffer, verify = true) =>
  inspectArtifact(bufferAccess(file), { platform: "android_aab", filename: "a.aab" }, { nowMs, verify });

const codesOf = ({ findings }: Awaited<ReturnType<typeof inspect>>) => findings.map(({ code }) => code);

needs(...bundleTools)("an Android App Bundle", () => {
  let keys: SigningKeys;
  let signer: SigningKey;
  let files: BundleFiles;
  beforeAll(async () => {
    keys = await SigningKeys.create();
    signer = await keys.make({ subject: "/O=Acme/CN=Acme Upload" });
    files = await exampleBundle(keys);
  });
  afterAll(() => keys.remove());

  /** Small enough to be changed thousands of times. */
  const small = (): BundleFiles => ({
    "BundleConfig.pb": files["BundleConfig.pb"]!,
    "base/manifest/AndroidManifest.xml": files["base/manifest/AndroidManifest.xml"]!,
    "base/assets/text.txt": Buffer.from("text ".repeat(500)),
  });

  it("says of its app what the APK of the same app says", async () => {
    const bundle = await inspect(bundleOf(files));
    const apk = await inspectArtifact(
      bufferAccess(await readFile(exampleApk)),
      { platform: "android_apk", filename: "a.apk" },
      { nowMs, verify: false },
    );
    const { icon, signatures: _s, certificates: _c, v4_signature: _v, ...facts } = apk.facts;
    expect(bundle.facts).toMatchObject(facts);
    expect(bundle.facts).toMatchObject({ bundletool: "1.15.6", icon });
    expect(bundle.icon).toEqual(apk.icon);
    expect({ ...bundle.identity, signers: [] }).toEqual({ ...apk.identity, signers: [] });
    expect(bundle.identity).toMatchObject({ id: "io.appium.android.apis", version: "5.0.0", build: "25" });
    expect(codesOf(bundle)).toEqual(["validation.debuggable", "validation.unsigned"]);
    expect(bundle.status).toBe("passed");
  });

  it("names its modules and how each is delivered, and the processors of its base module", async () => {
    const delivery = (inside: string) =>
      `<dist:module><dist:delivery>${inside}</dist:delivery></dist:module>`;
    const modules = {
      ahead: delivery("<dist:install-time/>"),
      asked: delivery("<dist:on-demand/>"),
      after: delivery("<dist:fast-follow/>"),
      some: delivery(
        '<dist:install-time><dist:conditions><dist:min-sdk dist:value="24"/></dist:conditions></dist:install-time>',
      ),
      older: '<dist:module dist:onDemand="true"/>',
    };
    const more: BundleFiles = { "base/lib/arm64-v8a/liba.so": new Uint8Array(4) };
    for (const [name, xml] of Object.entries(modules)) {
      more[`${name}/manifest/AndroidManifest.xml`] = await moduleManifest(keys, xml);
    }
    const { facts, arch } = await inspect(bundleOf({ ...small(), ...more }));
    expect(arch).toBe("universal");
    expect(facts).toMatchObject({
      architectures: ["arm64-v8a"],
      modules: [
        { name: "base", delivery: "install_time" },
        { name: "ahead", delivery: "install_time" },
        { name: "asked", delivery: "on_demand" },
        { name: "after", delivery: "fast_follow" },
        { name: "some", delivery: "conditional" },
        { name: "older", delivery: "on_demand" },
      ],
    });
  });

  it("without a base module is told so", async () => {
    expect(codesOf(await inspect(bundleOf({ "BundleConfig.pb": new Uint8Array() })))).toEqual([
      "validation.manifest_missing",
      "validation.unsigned",
    ]);
  });

  describe("signed by jarsigner", () => {
    let signed: Buffer;
    beforeAll(async () => {
      signed = await readFile(await signBundle(keys, bundleOf(small()), signer));
    });

    it("is verified over every entry, as jarsigner verifies it", async () => {
      const path = keys.path("again.aab");
      await writeFile(path, signed);
      expect(await jarsignerVerifies(path)).toBe(true);
      const { facts, identity, findings } = await inspect(signed);
      const certificate = new X509Certificate(await readFile(signer.certificate));
      const id = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
      expect(findings.map(({ code }) => code)).toEqual(["validation.debuggable"]);
      expect(identity.signers).toMatchObject([
        { kind: "android_certificate", id, name: "Acme Upload", verified: true },
      ]);
      expect(facts).toMatchObject({ signatures: [{ scheme: "v1", verified: true, signers: [id] }] });
      const unread = await inspect(signed, false);
      expect(unread.identity.signers).toMatchObject([{ id, verified: false }]);
    });

    it("is refused when an entry was changed, added or taken away", async () => {
      const entries = unzipSync(signed);
      const text = "base/assets/text.txt";
      const { [text]: _, ...fewer } = entries;
      for (const changed of [
        { ...entries, [text]: Buffer.from("other") },
        { ...entries, "base/assets/more.txt": Buffer.from("more") },
        fewer,
      ]) {
        const inspection = await inspect(bundleOf(changed));
        expect(inspection.status).toBe("failed");
        expect(codesOf(inspection)).toContain("validation.aab_signature_invalid");
        expect(inspection.identity.signers.every(({ verified }) => !verified)).toBe(true);
      }
    });

    it("whose content was changed by one bit is refused", async () => {
      const random = seeded(3);
      const stop = signed.lastIndexOf(Buffer.from("PK\x01\x02"));
      const first = signed.indexOf(Buffer.from("PK\x01\x02"));
      expect(stop).toBeGreaterThan(first);
      for (let count = 0; count < 60; count += 1) {
        const changed = Buffer.from(signed);
        const at = 60 + random(first - 60);
        changed[at]! ^= 1 << random(8);
        const { status, identity } = await inspect(changed);
        const isSpared = identity.signers.some(({ verified }) => verified);
        // A bit of a time or of an unused field is no content.
        if (status === "failed") expect(isSpared).toBe(false);
        else expect(sameEntries(changed, signed), `byte ${at}`).toBe(true);
      }
    });

    it("gets an answer of known codes whatever was done to it", async () => {
      const directory = signed.indexOf(Buffer.from("PK\x01\x02"));
      const places = [
        [0, 200],
        [directory, signed.length],
        [0, signed.length],
      ] as const;
      for (let seed = 1; seed <= MUTATIONS; seed += 1) {
        const file = mutate(signed, seed, places);
        for (const code of codesOf(await inspect(file))) {
          expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
        }
      }
    });
  });

  it("whose manifest and resources were tampered with gets an answer of known codes", async () => {
    const manifest = Buffer.from(files["base/manifest/AndroidManifest.xml"]!.subarray());
    const resources = Buffer.from(files["base/resources.pb"]!.subarray());
    for (let seed = 1; seed <= MUTATIONS / 10; seed += 1) {
      const bundle = bundleOf({
        "base/manifest/AndroidManifest.xml": mutate(manifest, seed, [[0, 2000]]),
        "base/resources.pb": mutate(resources, seed),
      });
      for (const code of codesOf(await inspect(bundle))) {
        expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
      }
    }
  });
});

function sameEntries(a: Buffer, b: Buffer): boolean {
  const [left, right] = [a, b].map((file) => readEntries(file));
  return JSON.stringify(left) === JSON.stringify(right);
}

/** What unzips, entry by entry, by a reader that is not ours. */
function readEntries(file: Buffer): unknown {
  return Object.entries(unzipSync(file)).map(([name, content]) => [
    name,
    Buffer.from(content).toString("base64"),
  ]);
}
