import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Distd, startDistd } from "../server/distd.ts";
import { DEMOS_SIGNER, demosApk } from "../support/acme-apk.ts";
import { ApkSigning, unsignedApk } from "../support/apk-signing.ts";
import { killPrograms, runDist } from "../support/programs.ts";
import { needs } from "../support/required-tools.ts";
import type { SigningKey } from "../support/signing-keys.ts";

needs(
  "apksigner",
  "java",
  "openssl",
)("what is found inside a file that is published", () => {
  let distd: Distd;
  let signing: ApkSigning;
  beforeAll(async () => {
    distd = await startDistd();
    signing = await ApkSigning.create();
  });
  afterAll(async () => {
    await signing.remove();
    await distd.close();
    await killPrograms();
  });

  /** Publishes one APK, to the server or into a store of its own. */
  async function publish(app: string, version: string, apk: Buffer, place = server()) {
    await writeFile(join(distd.directory, "app.apk"), apk);
    const manifest = join(distd.directory, "dist.json");
    const artifacts = [{ platform: "android_apk", path: "app.apk" }];
    await writeFile(manifest, JSON.stringify({ app, version, channel: "beta", artifacts }));
    return await runDist(["ci", "publish", "--manifest", manifest, ...place], { DIST_TOKEN: distd.admin });
  }
  const server = () => ["--server", distd.url];
  const dist = (...args: string[]) => runDist([...args, ...server()], { DIST_TOKEN: distd.admin });
  const idOf = async ({ certificate }: SigningKey) =>
    new X509Certificate(await readFile(certificate)).fingerprint256.replaceAll(":", "").toLowerCase();

  it.each([
    ["to a server", () => server()],
    ["into a store", () => ["--local-store", join(distd.directory, "own")]],
  ])("is stored with it when it goes %s", async (_where, place) => {
    const { exit, json } = await publish("demos", "5.0.0", await demosApk(), place());
    expect([exit, json.artifacts[0].validation_status]).toEqual([0, "passed"]);
    expect(json.artifacts[0].findings.map(({ code }: { code: string }) => code)).toEqual([
      "validation.debuggable",
    ]);
    const shown = await runDist(["release", "show", json.release.id, "--app", "demos", ...place()], {
      DIST_TOKEN: distd.admin,
    });
    expect(shown.json.artifacts[0].metadata.inspection).toMatchObject({
      package: "io.appium.android.apis",
      version_name: "5.0.0",
      debuggable: true,
      identity: { id: "io.appium.android.apis", signers: [{ id: DEMOS_SIGNER, verified: true }] },
    });
    expect(shown.json.artifacts[0].icon_sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it("refuses a file whose signature does not hold, with the finding", async () => {
    const broken = await demosApk();
    broken[broken.length >> 1]! ^= 1;
    const { exit, json } = await publish("broken", "1.0", broken);
    expect([exit, json.error.code]).toEqual([1, "validation.failed"]);
    expect(json.error.details.finding).toBe("validation.apk_signature_invalid");
    expect((await distd.api("GET", "/apps/broken")).status).toBe(404);
  });

  describe("of an app that pins its signer", () => {
    it("is refused from another one until an administrator says why, which is an event", async () => {
      const [own, other] = [
        await signing.key({ subject: "/CN=Own" }),
        await signing.key({ subject: "/CN=Other" }),
      ];
      const apk = (key: SigningKey) => signing.sign(unsignedApk({ minSdk: 24 }), [key], ["v2"]);
      expect((await publish("pinned", "1.0", await apk(own))).exit).toBe(0);
      const refused = await publish("pinned", "2.0", await apk(other));
      expect([refused.exit, refused.json.error.code]).toEqual([1, "validation.signer_changed"]);
      const words = JSON.stringify(refused.json.error);
      expect(words).toContain(await idOf(own));
      expect(words).toContain(await idOf(other));

      const pin = ["app", "set", "--app", "pinned", "--pin", `android_apk=${await idOf(other)}`];
      expect((await dist(...pin)).json.error.code).toBe("app.reason_required");
      expect((await dist(...pin, "--reason", "the key moved")).exit).toBe(0);
      expect((await publish("pinned", "2.0", await apk(other))).json.status).toBe("published");
      const audit = await dist("audit", "list", "--app", "pinned", "--action", "app.identity_changed");
      expect(audit.json.items[0].metadata).toMatchObject({ reason: "the key moved" });
    });
  });
});
