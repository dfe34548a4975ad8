import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import { strToU8, zipSync, type Zippable } from "fflate";

import type { TrustedRoots } from "../../src/inspect/apple/apple-roots.ts";
import { cdhashOf, type CodeSignatureOptions, program, type ProgramOptions } from "./apple-code.ts";
import { binaryPlist, type Plist, xmlPlist } from "./plists.ts";
import { type SigningKey, SigningKeys } from "./signing-keys.ts";

/** Files by path. */
export type Files = Record<string, Buffer>;

/** Keys and certificates as Apple issues them, under a root of our own. */
export interface AppleKeys {
  readonly keys: SigningKeys;
  readonly roots: TrustedRoots;
  readonly root: SigningKey;
  readonly authority: SigningKey;
  readonly development: SigningKey;
  readonly distribution: SigningKey;
  readonly developerId: SigningKey;
  /** Signs profiles. */
  readonly profiles: SigningKey;
}

export const TEAM = "TEAM123456";

/** Call `keys.remove()` at the end. */
export async function makeAppleKeys(): Promise<AppleKeys> {
  const keys = await SigningKeys.create();
  const root = await keys.make({ subject: "/O=Test/CN=Test Root", isAuthority: true });
  const authority = await keys.make({
    subject: "/O=Test/CN=Test Relations",
    issuer: root,
    isAuthority: true,
  });
  const make = (name: string, mark: string, days?: number) =>
    keys.make({
      subject: `/UID=${TEAM}/CN=${name} (${TEAM})/OU=${TEAM}/O=Acme Ltd/C=GB`,
      issuer: authority,
      purpose: "codeSigning",
      extensions: [`1.2.840.113635.100.6.1.${mark}=critical,DER:0500`],
      ...(days !== undefined && { days }),
    });
  return {
    keys,
    roots: {
      fingerprints: new Set(),
      certificates: [new X509Certificate(readFileSync(root.certificate))],
    },
    root,
    authority,
    development: await make("Apple Development: Ada Acme", "2"),
    distribution: await make("Apple Distribution: Acme Ltd", "4"),
    developerId: await make("Developer ID Application: Acme Ltd", "13"),
    profiles: await keys.make({ subject: "/O=Test/CN=Test Profile Signing", issuer: authority }),
  };
}

/** A provisioning profile: a property list, signed by `openssl cms`. */
export async function profile(
  { keys, profiles, authority }: AppleKeys,
  content: { readonly [key: string]: Plist },
): Promise<Buffer> {
  writeFileSync(keys.path("profile.plist"), xmlPlist(content));
  const message = ["-in", "profile.plist", "-binary", "-nodetach", "-outform", "DER", "-out", "profile.cms"];
  const signer = [
    "-signer",
    profiles.certificate,
    "-inkey",
    profiles.key,
    "-certfile",
    authority.certificate,
  ];
  await keys.openssl("cms", "-sign", ...message, ...signer);
  return readFileSync(keys.path("profile.cms"));
}

/** What every profile here has; `extra` decides its kind. */
export function profileContent(
  signer: SigningKey,
  extra: { readonly [key: string]: Plist } = {},
  entitlements: { readonly [key: string]: Plist } = {},
): { readonly [key: string]: Plist } {
  return {
    AppIDName: "Acme",
    ApplicationIdentifierPrefix: [TEAM],
    CreationDate: new Date("2026-01-01T00:00:00Z"),
    DeveloperCertificates: [new X509Certificate(readFileSync(signer.certificate)).raw],
    Entitlements: {
      "application-identifier": `${TEAM}.com.acme.app`,
      "com.apple.developer.team-identifier": TEAM,
      "get-task-allow": false,
      ...entitlements,
    },
    ExpirationDate: new Date(Date.now() + 300 * 24 * 60 * 60 * 1000),
    Name: "Acme profile",
    Platform: ["iOS"],
    TeamIdentifier: [TEAM],
    TeamName: "Acme Ltd",
    UUID: "11111111-2222-3333-4444-555555555555",
    ...extra,
  };
}

/** The rules that Xcode writes for phones, and, with nested code, for computers. */
const phoneRules: Plist = {
  "^.*": true,
  ".*\\.dSYM($|/)": { weight: 11 },
  "^(.*/)?\\.DS_Store$": { omit: true, weight: 2000 },
  "^.*\\.lproj/": { optional: true, weight: 1000 },
  "^.*\\.lproj/locversion.plist$": { omit: true, weight: 1100 },
  "^Base\\.lproj/": { weight: 1010 },
  "^Info\\.plist$": { omit: true, weight: 20 },
  "^PkgInfo$": { omit: true, weight: 20 },
  "^embedded\\.provisionprofile$": { weight: 20 },
  "^version\\.plist$": { weight: 20 },
};
const macRules: Plist = {
  ...phoneRules,
  "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS|Library/(Automator|Spotlight|LoginItems))/":
    { nested: true, weight: 10 },
  "^[^/]+$": { nested: true, weight: 10 },
  "^Resources/": { weight: 20 },
};

export interface BundleShape {
  readonly info: { readonly [key: string]: Plist };
  /** Relative to the folder that the seal's paths begin in. */
  readonly files?: Readonly<Record<string, Buffer | { readonly link: string }>>;
  readonly signature: Omit<CodeSignatureOptions, "infoPlist" | "codeResources"> | null;
  readonly program?: Omit<ProgramOptions, "signature">;
  /** Nested code that is sealed as a whole, by path: its CodeDirectory's digest. */
  readonly nested?: Readonly<Record<string, { readonly cdhash: Buffer; readonly requirement: string }>>;
  readonly isMac?: boolean;
  /** A digest of the old kind alone. */
  readonly withSha1?: boolean;
}

/** The files of a signed bundle, relative to its folder. */
export function bundle({
  info,
  files = {},
  signature,
  nested = {},
  isMac = false,
  ...shape
}: BundleShape): Files {
  const infoPlist = binaryPlist(info);
  const name = String(info["CFBundleExecutable"]);
  const base = isMac ? "Contents/" : "";
  const programPath = isMac ? `MacOS/${name}` : name;
  const contents = Object.entries(files).map(([path, file]) => {
    return [path, Buffer.isBuffer(file) ? file : Buffer.from(file.link)] as const;
  });
  const sealed = Object.entries(files).map(([path, file]) => {
    const entry: Plist = Buffer.isBuffer(file)
      ? { hash: sha("sha1", file), ...(!shape.withSha1 && { hash2: sha("sha256", file) }) }
      : { symlink: file.link };
    return [path, entry] as const;
  });
  const isOmitted = (path: string) =>
    path.endsWith(".DS_Store") || path === "PkgInfo" || path === "CodeResources";
  const isNested = (path: string) =>
    Object.keys(nested).some((one) => path === one || path.startsWith(`${one}/`));
  const seal = xmlPlist({
    files: {},
    files2: Object.fromEntries([
      ...sealed.filter(([path]) => !isOmitted(path) && !isNested(path)),
      ...Object.entries(nested),
    ]),
    rules: { "^.*": true },
    rules2: isMac ? macRules : phoneRules,
  });
  const surroundings = { infoPlist, codeResources: seal };
  const main = program({ ...shape.program, signature: signature && { ...signature, ...surroundings } });
  return Object.fromEntries([
    [`${base}Info.plist`, infoPlist],
    [`${base}${programPath}`, main],
    ...contents.map(([path, content]) => [`${base}${path}`, content] as const),
    ...(signature ? [[`${base}_CodeSignature/CodeResources`, seal] as const] : []),
  ]);
}

const sha = (name: string, bytes: Buffer) => createHash(name).update(bytes).digest();

/** The seal's entry for a bundle that is nested in another. */
export function nestedSeal(files: Files, programPath: string, requirement = "anchor apple generic") {
  return { cdhash: cdhashOf(files[programPath]!), requirement };
}

/** The files under a folder. */
export function under(folder: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [`${folder}/${path}`, content]));
}

/** A zip archive of files; `links` are those whose content is a link's target. */
export function archive(files: Files, links: readonly string[] = [], level: 0 | 6 = 6): Buffer {
  const entries: Zippable = {};
  for (const [path, content] of Object.entries(files)) {
    // The upper half of the attributes is the Unix mode.
    const mode = links.includes(path) ? 0o120755 : 0o100644;
    entries[path] = [content, { level, os: 3, attrs: mode << 16 }];
  }
  return Buffer.from(zipSync(entries));
}

export const text = (value: string) => Buffer.from(strToU8(value));
