import { afterAll, beforeAll, expect, it } from "vitest";

import { inspectAppZip } from "../../src/inspect/app-zip/read-app-zip.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import {
  type AppleKeys,
  archive,
  bundle,
  type BundleShape,
  type Files,
  makeAppleKeys,
  nestedSeal,
  TEAM,
  text,
  under,
} from "../support/apple-app.ts";
import { program, universal } from "../support/apple-code.ts";
import { xmlPlist } from "../support/plists.ts";
import { needs } from "../support/required-tools.ts";

const NOW = Date.now() + 24 * 60 * 60 * 1000;
const RUNTIME = 0x10000;
const ticket = Buffer.concat([Buffer.from("s8ch"), Buffer.alloc(100)]);
const mac = { platform: "macOS" } as const;

const info = {
  CFBundleIdentifier: "com.acme.mac",
  CFBundleExecutable: "Acme",
  CFBundleName: "Acme",
  CFBundleIconFile: "AppIcon",
  CFBundleShortVersionString: "2.0",
  CFBundleVersion: "200",
  LSMinimumSystemVersion: "12.0",
} as const;

/** The files whose content is a link's target. */
const links = ["Versions/Current", "Frameworks/Kit.framework/Kit"];

needs("openssl", "plistutil")("an app for macOS in a zip archive", () => {
  let keys: AppleKeys;
  beforeAll(async () => {
    keys = await makeAppleKeys();
  });
  afterAll(async () => {
    await keys.keys.remove();
  });

  const signed = () => ({ team: TEAM, signer: keys.developerId, chain: [keys.authority], flags: RUNTIME });

  /** A framework as macOS has them, with versions and links. */
  function framework(): Files {
    const contents = bundle({
      info: {
        CFBundleIdentifier: "com.acme.kit",
        CFBundleExecutable: "Kit",
        CFBundleShortVersionString: "3",
      },
      program: mac,
      signature: null,
    });
    const infoPlist = contents["Info.plist"]!;
    const seal = xmlPlist({ files2: {}, rules2: { "^.*": { omit: true } } });
    const signature = { identifier: "com.acme.kit", ...signed(), infoPlist, codeResources: seal };
    return {
      "Versions/A/Kit": program({ ...mac, signature }),
      "Versions/A/Resources/Info.plist": infoPlist,
      "Versions/A/_CodeSignature/CodeResources": seal,
      "Versions/Current": text("A"),
      Kit: text("Versions/Current/Kit"),
    };
  }

  function app(shape: Partial<BundleShape> = {}, files: BundleShape["files"] = {}): Files {
    const kit = framework();
    const helper = program({ ...mac, signature: { identifier: "helper", ...signed() } });
    const sealOf = (path: string) => `identifier "${path}" and certificate leaf[subject.OU] = ${TEAM}`;
    return bundle({
      info,
      isMac: true,
      program: mac,
      files: {
        "Resources/a.txt": text("a"),
        "Resources/latest": { link: "a.txt" },
        "MacOS/helper": helper,
        ...under("Frameworks/Kit.framework", kit),
        ...files,
      },
      nested: {
        "Frameworks/Kit.framework": nestedSeal(kit, "Versions/A/Kit", sealOf("com.acme.kit")),
        "MacOS/helper": nestedSeal({ helper }, "helper", sealOf("helper")),
      },
      signature: { identifier: "com.acme.mac", ...signed() },
      ...shape,
    });
  }

  async function inspect(files: Files, { verify = true, folder = "Acme.app" } = {}) {
    const all = under(folder, files);
    const linked = Object.keys(all).filter(
      (path) => path.endsWith("Resources/latest") || links.some((link) => path.endsWith(link)),
    );
    const bytes = bufferAccess(archive(all, linked));
    const declared = { platform: "macos", filename: "acme.zip" } as const;
    return await inspectAppZip({ bytes, declared, nowMs: NOW, verify }, keys.roots);
  }

  const found = async (...args: Parameters<typeof inspect>) =>
    (await inspect(...args)).findings.map(({ code }) => code);

  it("tells all that is in it, with a ticket and nothing to complain of", async () => {
    const report = await inspect(app({}, { CodeResources: ticket }));
    expect(report.findings).toEqual([]);
    expect(report.identity).toMatchObject({
      id: "com.acme.mac",
      version: "2.0",
      build: "200",
      label: "Acme",
      signers: [{ kind: "apple_team", id: TEAM, verified: true }],
    });
    expect(report.facts).toMatchObject({
      app: "Acme.app",
      min_os: "macOS 12.0",
      signing: "developer_id",
      hardened_runtime: true,
      notarization_ticket: "stapled",
      architectures: ["arm64"],
      frameworks: [
        { path: "Contents/Frameworks/Kit.framework", identifier: "com.acme.kit", version: "3", team: TEAM },
      ],
      extensions: [],
    });
    expect(report.runsOn).toEqual(["arm64"]);
  });

  it("may stand one folder down, beside what Finder leaves", async () => {
    const files = { ...under("Acme 2.0/Acme.app", app()), "__MACOSX/Acme.app/._x": text("x") };
    const bytes = bufferAccess(archive(files, ["Acme 2.0/Acme.app/Contents/Resources/latest"]));
    const declared = { platform: "macos", filename: "acme.zip" } as const;
    const report = await inspectAppZip({ bytes, declared, nowMs: NOW, verify: false }, keys.roots);
    expect(report.facts["app"]).toBe("Acme 2.0/Acme.app");
  });

  it("without a ticket, or without the hardened runtime, is told", async () => {
    expect(await found(app())).toEqual(["validation.not_notarized"]);
    const signature = { identifier: "com.acme.mac", ...signed(), flags: 0 };
    expect(await found(app({ signature }, { CodeResources: ticket }))).toEqual(["validation.not_hardened"]);
    expect(await found(app({ signature: null }))).toEqual(["validation.unsigned"]);
    expect(await found(app({ program: {} }, { CodeResources: ticket }))).toEqual([
      "validation.platform_mismatch",
    ]);
  });

  it.each([
    ["a resource", "Contents/Resources/a.txt", "Changed: Resources/a.txt."],
    ["a link", "Contents/Resources/latest", "Changed: Resources/latest."],
    ["a helper", "Contents/MacOS/helper", "Changed: MacOS/helper."],
    ["a framework", "Contents/Frameworks/Kit.framework/Versions/A/Kit", "Changed: Frameworks/Kit.framework."],
  ])("in which %s was changed does not hold", async (_, path, message) => {
    const files = app({}, { CodeResources: ticket });
    const bytes = Buffer.from(files[path]!);
    bytes[bytes.length >> 2]! ^= 1;
    const { findings } = await inspect({ ...files, [path]: bytes });
    expect(findings.at(-1)).toMatchObject({
      code: "validation.code_signature_invalid",
      where: "Acme.app/Contents/_CodeSignature/CodeResources",
      message: expect.stringContaining(message),
    });
  });

  it("takes another version of nested code only from who its seal names", async () => {
    const newer = (team: string, signer = keys.developerId) =>
      program({
        ...mac,
        codeBytes: 9000,
        signature: { ...signed(), identifier: "helper", team, signer },
      });
    const files = app({}, { CodeResources: ticket });
    expect(await found({ ...files, "Contents/MacOS/helper": newer(TEAM) })).toEqual([]);
    const other = program({ ...mac, signature: { identifier: "helper" } });
    expect(await found({ ...files, "Contents/MacOS/helper": other })).toEqual([
      "validation.code_signature_invalid",
    ]);
  });

  it("to which files were added, also beside what is sealed, does not hold", async () => {
    const files = app({}, { CodeResources: ticket });
    const more = {
      ...files,
      "readme.txt": text("x"),
      "Contents/Frameworks/Evil.framework/Evil": text("x"),
      "Contents/Frameworks/Kit.framework/.DS_Store": text("x"),
    };
    expect((await inspect(more)).findings).toMatchObject([
      {
        code: "validation.code_signature_invalid",
        details: { added: ["../readme.txt", "Frameworks/Evil.framework/Evil"] },
      },
    ]);
  });

  it("gives the largest picture of its icon file that pages show", async () => {
    const png = (width: number) => {
      const header = Buffer.alloc(25);
      header.writeUInt32BE(13);
      header.write("IHDR", 4);
      header.writeUInt32BE(width, 8);
      return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), header]);
    };
    const element = (type: string, data: Buffer) => {
      const head = Buffer.from(`${type}0000`);
      head.writeUInt32BE(data.length + 8, 4);
      return Buffer.concat([head, data]);
    };
    const pictures = [png(16), Buffer.from("old"), png(512), png(1024), png(256)];
    const icns = element("icns", Buffer.concat(pictures.map((picture) => element("ic09", picture))));
    const { icon } = await inspect(app({}, { "Resources/AppIcon.icns": icns }));
    expect(icon).toEqual({ contentType: "image/png", bytes: png(512) });
  });

  it("that is none has the programs at its root shown", async () => {
    const infoPlist = xmlPlist({ CFBundleIdentifier: "com.acme.tool", CFBundleShortVersionString: "0.9" });
    const tool = (cpu: "arm64" | "x86_64") =>
      program({ ...mac, cpu, infoPlist, signature: { identifier: "com.acme.tool", ...signed() } });
    const files = { "bin/tool": universal(tool("arm64"), tool("x86_64")), "README.md": text("x") };
    const report = await inspect(files, { folder: "tool" });
    expect(report.facts).toEqual({});
    expect(report.findings.map(({ code }) => code)).toEqual(["validation.app_missing"]);
    const near = await inspect({ tool: files["bin/tool"], "README.md": text("x") }, { folder: "tool-0.9" });
    expect(near.findings).toEqual([]);
    expect(near.identity).toMatchObject({
      id: "com.acme.tool",
      version: "0.9",
      signers: [{ id: TEAM, verified: true }],
    });
    expect(near.facts).toMatchObject({
      programs: [{ path: "tool-0.9/tool", architectures: ["arm64", "x86_64"], hardened_runtime: true }],
    });
    const unsigned = await inspect({ tool: program({ ...mac, signature: null }) }, { folder: "tool" });
    expect(unsigned.findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
  });
});
