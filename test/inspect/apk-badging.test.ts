import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { expect, it } from "vitest";

import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { DEMOS_SIGNER, demosApk } from "../support/acme-apk.ts";
import { apksignerOpinion } from "../support/apk-signing.ts";
import { needs } from "../support/required-tools.ts";

const path = createRequire(import.meta.url).resolve("android-apidemos/apks/ApiDemos-debug.apk");

const inspectDemos = async () =>
  inspectArtifact(
    bufferAccess(await demosApk()),
    { platform: "android_apk", filename: "a.apk" },
    { nowMs: Date.now(), verify: true },
  );

needs(
  "aapt",
  "apksigner",
  "java",
)("a real APK", () => {
  it("has the facts that aapt dump badging prints", async () => {
    const { stdout, status } = spawnSync("aapt", ["dump", "badging", path], { encoding: "utf8" });
    expect(status).toBe(0);
    const all = (pattern: RegExp) => [...stdout.matchAll(pattern)].map((match) => match[1]!);
    // What the manifest does not say, but old apps get on new devices, stands there twice.
    const said = (kind: string, implied: string) => {
      const names = new Set(all(new RegExp(`^ *${implied}: name='([^']*)'`, "gm")));
      return all(new RegExp(`^ *${kind}: name='([^']*)'`, "gm")).filter((name) => !names.has(name));
    };
    const one = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? null;
    const { facts, identity } = await inspectDemos();
    expect(facts).toMatchObject({
      package: one(/^package: name='([^']*)'/m),
      version_code: one(/ versionCode='(\d+)'/),
      version_name: one(/ versionName='([^']*)'/),
      min_sdk: Number(one(/^(?:sdkVersion|minSdkVersion):'(\d+)'/m)),
      target_sdk: Number(one(/^targetSdkVersion:'(\d+)'/m)),
      compile_sdk: Number(one(/ compileSdkVersion='(\d+)'/)),
      label: one(/^application: label='([^']*)'/m),
      permissions: said("uses-permission", "uses-implied-permission"),
      features: said("uses-feature", "uses-implied-feature"),
      optional_features: said("uses-feature-not-required", "uses-implied-feature"),
      debuggable: stdout.includes("\napplication-debuggable"),
    });
    const icons = all(/^application-icon-\d+:'([^']*)'/gm);
    expect(icons).toContain(facts["icon"]);
    expect(identity).toMatchObject({ id: "io.appium.android.apis", version: "5.0.0", build: "25" });
  });

  it("has the schemes and certificates that apksigner prints", async () => {
    const opinion = apksignerOpinion(path);
    const { facts, identity } = await inspectDemos();
    const signatures = facts["signatures"] as { scheme: string; verified: boolean; signers: string[] }[];
    expect(signatures.filter(({ verified }) => verified).map(({ scheme }) => scheme)).toEqual(
      opinion.schemes,
    );
    expect(opinion.certificates).toEqual([DEMOS_SIGNER]);
    expect(identity.signers.map(({ id, verified }) => [id, verified])).toEqual([[DEMOS_SIGNER, true]]);
  });
});
