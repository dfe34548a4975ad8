import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";

import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { inspectIpa } from "../../src/inspect/ipa/read-ipa.ts";
import { readZipDirectory } from "../../src/inspect/zip/zip-directory.ts";
import {
  type AppleKeys,
  archive,
  bundle,
  type BundleShape,
  type Files,
  makeAppleKeys,
  profile,
  profileContent,
  TEAM,
  text,
  under,
} from "../support/apple-app.ts";
import { program } from "../support/apple-code.ts";
import type { Plist } from "../support/plists.ts";
import { needs } from "../support/required-tools.ts";
import type { SigningKey } from "../support/signing-keys.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** The certificates are made now. */
const NOW = Date.now() + DAY_MS;

const info = {
  CFBundleIdentifier: "com.acme.app",
  CFBundleExecutable: "Acme",
  CFBundleName: "Acme",
  CFBundleDisplayName: "Acme — Wörks",
  CFBundleShortVersionString: "1.4.0",
  CFBundleVersion: "142",
  CFBundleSupportedPlatforms: ["iPhoneOS"],
  MinimumOSVersion: "15.0",
  UIDeviceFamily: [1, 2],
  UIRequiredDeviceCapabilities: ["arm64"],
  UIBackgroundModes: ["fetch"],
  CFBundleURLTypes: [{ CFBundleURLSchemes: ["acme", "acme-dev"] }],
  NSCameraUsageDescription: "To scan parts.",
  NSLocationWhenInUseUsageDescription: "To find the nearest shop.",
} as const satisfies Record<string, Plist>;

const claims = {
  "application-identifier": `${TEAM}.com.acme.app`,
  "com.apple.developer.team-identifier": TEAM,
  "get-task-allow": false,
};

needs("openssl", "plistutil")("an IPA", () => {
  let keys: AppleKeys;
  beforeAll(async () => {
    keys = await makeAppleKeys();
  });
  afterAll(async () => {
    await keys.keys.remove();
  });

  interface AppOptions {
    readonly signer?: SigningKey;
    readonly claims?: Record<string, Plist>;
    readonly profile?: Buffer | null;
    readonly files?: BundleShape["files"];
    readonly program?: BundleShape["program"];
    readonly info?: Record<string, Plist>;
    readonly signature?: Partial<NonNullable<BundleShape["signature"]>> | null;
  }

  /** A sound ad-hoc app, but for what the options say. */
  async function app(options: AppOptions = {}): Promise<Files> {
    const signer = options.signer ?? keys.distribution;
    const embedded =
      options.profile === undefined
        ? await profile(keys, profileContent(signer, { ProvisionedDevices: ["00008110-000A1"] }))
        : options.profile;
    return bundle({
      info: { ...info, ...options.info },
      files: {
        "Assets.car": text("assets"),
        "en.lproj/Localizable.strings": text("a"),
        "Frameworks/Kit.framework/Kit": program({ signature: null }),
        ...options.files,
        ...(embedded && { "embedded.mobileprovision": embedded }),
      },
      program: options.program ?? {},
      signature:
        options.signature === null
          ? null
          : {
              identifier: "com.acme.app",
              team: TEAM,
              signer,
              chain: [keys.authority],
              entitlements: options.claims ?? claims,
              ...options.signature,
            },
    });
  }

  async function inspect(files: Files | Buffer, { verify = true, nowMs = NOW, roots = keys.roots } = {}) {
    const file = Buffer.isBuffer(files) ? files : archive(under("Payload/Acme.app", files));
    const declared = { platform: "ios", filename: "acme.ipa" } as const;
    return await inspectIpa({ bytes: bufferAccess(file), declared, nowMs, verify }, roots);
  }

  const codes = async (...args: Parameters<typeof inspect>) =>
    (await inspect(...args)).findings.map(({ code }) => code);

  it("of which a packed byte was changed is refused, and proves no signer: validation.corrupt_data", async () => {
    const file = archive(under("Payload/Acme.app", await app()));
    const { entries, offset } = await readZipDirectory(bufferAccess(file));
    expect(entries.length).toBeGreaterThan(5);
    for (const { name, localOffset, packedBytes } of entries) {
      const start =
        localOffset + 30 + file.readUInt16LE(localOffset + 26) + file.readUInt16LE(localOffset + 28);
      // The last byte of deflate may have bits that mean nothing.
      for (const at of [start, start + Math.floor(packedBytes / 2), start + packedBytes - 2]) {
        expect(at).toBeLessThan(offset);
        const changed = Buffer.from(file);
        changed[at]! ^= 0x10;
        const { findings, identity } = await inspect(changed);
        const errors = findings.filter(({ severity }) => severity === "error").map(({ code }) => code);
        expect(errors.join(), `${name}: ${at}`).toMatch(/validation\.(corrupt_data|code_signature_invalid)/);
        expect(identity.signers.filter(({ verified }) => verified)).toEqual([]);
      }
    }
  });

  it("tells all that is in it", async () => {
    const report = await inspect(await app());
    expect(report.findings).toEqual([]);
    expect(report.runsOn).toEqual(["arm64"]);
    expect(report.identity).toEqual({
      id: "com.acme.app",
      version: "1.4.0",
      build: "142",
      label: "Acme — Wörks",
      signers: [
        {
          kind: "apple_team",
          id: TEAM,
          name: `Apple Distribution: Acme Ltd (${TEAM})`,
          lineage: [],
          verified: true,
          expires_at: expect.any(String),
        },
      ],
    });
    expect(report.facts).toMatchObject({
      app: "Acme.app",
      min_os: "iOS 15.0",
      executable: "Acme",
      device_families: ["iPhone", "iPad"],
      required_capabilities: ["arm64"],
      url_schemes: ["acme", "acme-dev"],
      permissions: ["NSCameraUsageDescription", "NSLocationWhenInUseUsageDescription"],
      permission_reasons: { NSCameraUsageDescription: "To scan parts." },
      background_modes: ["fetch"],
      architectures: ["arm64"],
      platform: "iOS",
      sdk: "17.4",
      encrypted: false,
      signing: "ad_hoc",
      entitlements: claims,
      signatures: [
        {
          scheme: "code",
          verified: true,
          arch: "arm64",
          identifier: "com.acme.app",
          team: TEAM,
          digests: ["sha256"],
          signed_at: "2026-01-01T12:00:00.000Z",
        },
      ],
      profile: {
        kind: "ad_hoc",
        name: "Acme profile",
        uuid: "11111111-2222-3333-4444-555555555555",
        team: TEAM,
        team_name: "Acme Ltd",
        application_id: `${TEAM}.com.acme.app`,
        device_count: 1,
        verified: true,
      },
      devices: ["00008110-000A1"],
      frameworks: [],
      extensions: [],
    });
  });

  it("is inspected without a pass over it, and then nothing counts as verified", async () => {
    const report = await inspect(await app(), { verify: false });
    expect(report.findings).toEqual([]);
    expect(report.identity.signers).toMatchObject([{ id: TEAM, verified: false }]);
    expect(report.facts).toMatchObject({ signing: "ad_hoc", signatures: [{ verified: false }] });
  });

  it.each([
    ["development", "development", { ProvisionedDevices: ["a"] }, true, ["validation.development_signed"]],
    ["ad_hoc", "distribution", { ProvisionedDevices: ["a", "b"] }, false, []],
    ["enterprise", "distribution", { ProvisionsAllDevices: true }, false, []],
    ["app_store", "distribution", {}, false, []],
  ] as const)("of the kind %s is known by its profile", async (kind, key, extra, isDebuggable, expected) => {
    const debuggable = { "get-task-allow": isDebuggable };
    const embedded = await profile(keys, profileContent(keys[key], extra, debuggable));
    const report = await inspect(
      await app({ signer: keys[key], profile: embedded, claims: { ...claims, ...debuggable } }),
    );
    expect(report.facts).toMatchObject({ signing: kind, profile: { kind } });
    expect(report.findings.map(({ code }) => code)).toEqual(expected);
  });

  it("lists at most a hundred devices, and counts them all", async () => {
    const devices = Array.from({ length: 150 }, (_, index) => `00008110-${index}`);
    const embedded = await profile(keys, profileContent(keys.distribution, { ProvisionedDevices: devices }));
    const { facts } = await inspect(await app({ profile: embedded }));
    expect(facts).toMatchObject({ devices: devices.slice(0, 100), profile: { device_count: 150 } });
  });

  it("whose profile has ended, or is about to, is warned of", async () => {
    const of = async (days: number) => {
      const ExpirationDate = new Date(NOW + days * DAY_MS);
      const content = profileContent(keys.distribution, { ExpirationDate, ProvisionedDevices: ["a"] });
      return await codes(await app({ profile: await profile(keys, content) }));
    };
    expect(await of(-1)).toEqual(["validation.profile_expired"]);
    expect(await of(20)).toEqual(["validation.profile_expiring"]);
    expect(await of(40)).toEqual([]);
  });

  it("whose certificate has ended is warned of", async () => {
    const nowMs = NOW + 20 * 365 * DAY_MS;
    const found = await codes(await app(), { nowMs });
    expect(found.filter((code) => code === "validation.certificate_expired")).toHaveLength(2);
  });

  it.each([
    ["com.acme.other", true],
    ["com.acme.*", false],
    ["*", false],
    ["com.acme.app2*", true],
  ])("is held against the app of its profile: %s", async (pattern, differs) => {
    const id = { "application-identifier": `${TEAM}.${pattern}` };
    const content = profileContent(keys.distribution, { ProvisionedDevices: ["a"] }, id);
    const { findings } = await inspect(await app({ profile: await profile(keys, content) }));
    expect(findings.map(({ code }) => code)).toEqual(differs ? ["validation.profile_mismatch"] : []);
    if (differs) expect(findings[0]!.message).toContain(`${TEAM}.${pattern}, and the app is com.acme.app`);
  });

  it("is held against the certificates, the team and the rights of its profile", async () => {
    const other = profileContent(keys.development, { ProvisionedDevices: ["a"], TeamIdentifier: ["OTHER"] });
    expect(await codes(await app({ profile: await profile(keys, other) }))).toEqual([
      "validation.profile_mismatch",
      "validation.certificate_not_in_profile",
    ]);
    const push = { ...claims, "aps-environment": "production" };
    expect(await codes(await app({ claims: push }))).toEqual(["validation.entitlements_not_in_profile"]);
  });

  it("without a profile, or with one that makes no sense, is told", async () => {
    expect(await codes(await app({ profile: null }))).toEqual(["validation.profile_missing"]);
    expect(await codes(await app({ profile: text("none") }))).toEqual([
      "validation.damaged",
      "validation.profile_missing",
    ]);
  });

  it("whose profile was changed after it was signed is refused", async () => {
    const embedded = await profile(keys, profileContent(keys.distribution, { ProvisionedDevices: ["a"] }));
    embedded.write("OTHER", embedded.indexOf("Acme profile"));
    expect(await codes(await app({ profile: embedded }))).toEqual(["validation.profile_invalid"]);
  });

  it("that Apple's certificates do not lead to names no team", async () => {
    const report = await inspect(await app(), {
      roots: { fingerprints: new Set(), certificates: [] },
    });
    expect(report.findings.map(({ code, where }) => [code, where])).toEqual([
      ["validation.signer_not_apple", "Payload/Acme.app/Acme"],
      ["validation.signer_not_apple", "Payload/Acme.app/embedded.mobileprovision"],
    ]);
    const [signer] = report.identity.signers;
    expect(signer!.id).toMatch(/^[0-9a-f]{64}$/);
    expect(report.facts).toMatchObject({ profile: { verified: false } });
  });

  it("that nobody signed, or only to satisfy the system, is told", async () => {
    const unsigned = await inspect(await app({ signature: null }));
    expect(unsigned.findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
    expect(unsigned.identity.signers).toEqual([]);
    expect(unsigned.facts).toMatchObject({ signing: null, signatures: [] });
    const files = bundle({ info, signature: { identifier: "com.acme.app", flags: 2 } });
    const adHoc = await inspect(files);
    expect(adHoc.findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
    expect(adHoc.facts).toMatchObject({
      signing: "adhoc_signed",
      signatures: [{ scheme: "code_ad_hoc", flags: ["adhoc"], verified: true }],
    });
  });

  it("in which any byte of what is signed is another does not hold", async () => {
    const files = await app();
    for (const path of [
      "Info.plist",
      "Acme",
      "Assets.car",
      "en.lproj/Localizable.strings",
      "_CodeSignature/CodeResources",
      "embedded.mobileprovision",
    ]) {
      const bytes = Buffer.from(files[path]!);
      bytes[bytes.length >> 2]! ^= 1;
      const report = await inspect({ ...files, [path]: bytes });
      expect([path, report.findings.map(({ code }) => code)]).toEqual([
        path,
        expect.arrayContaining(["validation.code_signature_invalid"]),
      ]);
      expect(report.identity.signers).toMatchObject([{ verified: false }]);
    }
  });

  it("in which files were added or are missing does not hold, and they are named", async () => {
    const { "Assets.car": _, ...files } = await app();
    const { findings } = await inspect({ ...files, "evil.dylib": text("evil"), ".DS_Store": text("Finder") });
    expect(findings).toMatchObject([
      {
        code: "validation.code_signature_invalid",
        where: "Payload/Acme.app/_CodeSignature/CodeResources",
        message: expect.stringContaining("Missing: Assets.car. Added: evil.dylib."),
        details: { missing: ["Assets.car"], changed: [], added: ["evil.dylib"] },
      },
    ]);
  });

  it("whose seal is gone does not hold", async () => {
    const { "_CodeSignature/CodeResources": _, ...files } = await app();
    const { findings } = await inspect(files);
    expect(findings).toMatchObject([
      {
        code: "validation.code_signature_invalid",
        message: expect.stringContaining("covers _CodeSignature/CodeResources, which is missing"),
      },
    ]);
  });

  it("may lack the languages that were thinned out, and have sealed files with old digests", async () => {
    const files = bundle({
      info,
      files: { "a.txt": text("a") },
      signature: {
        identifier: "com.acme.app",
        team: TEAM,
        signer: keys.distribution,
        chain: [keys.authority],
      },
      withSha1: true,
    });
    expect(await codes(files)).toEqual(["validation.profile_missing"]);
    files["a.txt"] = text("b");
    expect(await codes(files)).toContain("validation.code_signature_invalid");
  });

  it("has its frameworks and extensions listed", async () => {
    const signature = { team: TEAM, signer: keys.distribution, chain: [keys.authority] };
    const kit = bundle({
      info: {
        CFBundleIdentifier: "com.acme.kit",
        CFBundleExecutable: "Kit",
        CFBundleShortVersionString: "2",
      },
      signature: { identifier: "com.acme.kit", ...signature },
    });
    const share = bundle({
      info: { CFBundleIdentifier: "com.acme.app.share", CFBundleExecutable: "Share" },
      signature: { identifier: "com.acme.app.share", ...signature },
    });
    const files = await app({
      files: { ...under("Frameworks/Kit.framework", kit), ...under("PlugIns/Share.appex", share) },
    });
    const { facts, findings } = await inspect(files);
    expect(findings).toEqual([]);
    expect(facts).toMatchObject({
      frameworks: [
        { path: "Frameworks/Kit.framework", identifier: "com.acme.kit", version: "2", team: TEAM },
      ],
      extensions: [
        { path: "PlugIns/Share.appex", identifier: "com.acme.app.share", version: null, team: TEAM },
      ],
    });
    const shareProgram = files["PlugIns/Share.appex/Share"]!;
    shareProgram[0x500]! ^= 1;
    expect((await inspect(files)).findings.map(({ code, where }) => [code, where])).toEqual([
      ["validation.code_signature_invalid", "Payload/Acme.app/PlugIns/Share.appex/Share"],
      ["validation.code_signature_invalid", "Payload/Acme.app/_CodeSignature/CodeResources"],
    ]);
  });

  it("for a simulator or a computer is not for phones", async () => {
    for (const platform of ["iOS Simulator", "macOS"] as const) {
      const { findings } = await inspect(await app({ program: { platform } }));
      expect(findings).toMatchObject([
        { code: "validation.platform_mismatch", message: expect.stringContaining(platform) },
      ]);
    }
  });

  it("from the store is encrypted", async () => {
    const report = await inspect(await app({ program: { isEncrypted: true } }));
    expect(report.facts).toMatchObject({ encrypted: true });
    expect(report.findings.map(({ code }) => code)).toEqual(["validation.encrypted_app"]);
  });

  it("whose rights differ between the two forms is told", async () => {
    const signature = { entitlementsDer: { ...claims, "get-task-allow": true } };
    const { findings, facts } = await inspect(await app({ signature }));
    expect(findings.map(({ code }) => code)).toEqual([
      "validation.entitlements_differ",
      "validation.development_signed",
    ]);
    expect(facts).toMatchObject({ entitlements: { "get-task-allow": true } });
  });

  it("without an app, with two, or without Info.plist is told", async () => {
    expect(await codes(archive({ "a.txt": text("a") }))).toEqual(["validation.app_missing"]);
    expect(await codes(archive({ "Payload/a.app/b": text("a") }))).toEqual(["validation.damaged"]);
    const files = await app();
    const twice = archive({ ...under("Payload/A.app", files), ...under("Payload/B.app", files) });
    expect(await codes(twice)).toEqual(["validation.app_several"]);
  });

  it("is told when it is damaged as an archive", async () => {
    const file = archive(under("Payload/Acme.app", await app()));
    expect(await codes(file.subarray(0, 1000))).toEqual(["validation.truncated"]);
    expect(await codes(Buffer.alloc(100))).toEqual(["validation.damaged"]);
  });

  it("gives its largest icon", async () => {
    const png = (width: number) => {
      const header = Buffer.alloc(25);
      header.writeUInt32BE(13);
      header.write("IHDR", 4);
      header.writeUInt32BE(width, 8);
      header.writeUInt32BE(width, 12);
      header.set([8, 6], 16);
      return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), header]);
    };
    const icons = { CFBundleIcons: { CFBundlePrimaryIcon: { CFBundleIconFiles: ["AppIcon60x60"] } } };
    const files = {
      "AppIcon60x60@2x.png": png(120),
      "AppIcon60x60@3x.png": png(180),
      "AppIcon76x76.png": png(999),
    };
    const { icon } = await inspect(await app({ info: icons, files }));
    expect(icon).toEqual({ contentType: "image/png", bytes: png(180) });
  });

  it("has a profile that openssl verifies too", async () => {
    const embedded = await profile(keys, profileContent(keys.distribution));
    const verify = (roots: string) =>
      spawnSync("openssl", ["cms", "-verify", "-inform", "DER", "-CAfile", roots, "-purpose", "any"], {
        input: embedded,
      }).status;
    expect(verify(keys.root.certificate)).toBe(0);
    embedded.write("OTHER", embedded.indexOf("Acme profile"));
    expect(verify(keys.root.certificate)).not.toBe(0);
  });
});
