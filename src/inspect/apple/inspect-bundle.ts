import type { FileTree } from "../file-tree.ts";
import { finding } from "../findings.ts";
import { noIdentity } from "../format-reader.ts";
import type { Arch, Finding, Icon, Identity, Platform } from "../inspection.ts";
import { archesOf } from "../macho/cpu-types.ts";
import { readPart } from "../unreadable.ts";
import { appleRoots } from "./apple-roots.ts";
import { bundleIcon } from "./bundle-icon.ts";
import { type BundleCodeOptions, inspectBundleCode, type NestedCode } from "./bundle-code.ts";
import { bundleInfo, bundleInfoFacts } from "./bundle-info.ts";
import { type BundleLayout, bundleLayout } from "./bundle-layout.ts";
import { codeFacts, type CodeReport, isHardened } from "./inspect-code.ts";
import { nestedCode } from "./nested-code.ts";
import { MAX_PROFILE_BYTES, type Profile, profileFacts, readProfile } from "./profile.ts";
import { profileFindings } from "./profile-findings.ts";

/** People read no more of a list. */
const MAX_LISTED = 50;

/** What was found in a bundle: an app for a phone or a computer. */
export interface BundleReport {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly identity: Identity;
  readonly findings: readonly Finding[];
  readonly icon: Icon | null;
  /** The processors that it can run on. */
  readonly runsOn: readonly Arch[];
  /** True for the layout of apps for macOS. */
  readonly isMac: boolean;
  /** How it is signed: `adhoc_signed` names nobody; null when it is not signed, or not by whom Apple vouches for. */
  readonly signing: Signing | null;
  /** True when a notarization ticket is stapled to it. */
  readonly isStapled: boolean;
}

export type Signing = "development" | "ad_hoc" | "enterprise" | "app_store" | "developer_id" | "adhoc_signed";

/** A notarization ticket's first bytes. */
const TICKET_MAGIC = "s8ch";
const MAX_TICKET_BYTES = 1024 * 1024;

/**
 * Looks at the bundle whose folder is `root` (without a trailing slash): Info.plist, main program and its signature, sealed files,
 * profile, and the frameworks and extensions in it. `platform` is what was declared. Findings include all but what is expected of
 * the container: see `gatekeeperFindings` for macOS.
 */
export async function inspectBundle(
  tree: FileTree,
  root: string,
  platform: Platform,
  options: BundleCodeOptions,
): Promise<BundleReport> {
  const findings: Finding[] = [];
  const layout = await readPart(findings, () => bundleLayout(tree, root));
  if (layout === undefined) {
    findings.push(finding("validation.damaged", `${root} has no Info.plist.`, undefined, root));
    return { ...nothing, findings };
  }
  const nested = await nestedCode(tree, root, options, findings);
  const { info, report, isSound } = await inspectBundleCode(tree, layout, nested, options, findings);
  const about = bundleInfo(info ?? new Map());
  const profile = await readBundleProfile(tree, layout, options, findings);
  const signing = signingOf(report, profile?.profile ?? null);
  findings.push(...signingFindings(report, signing, layout, profile !== undefined));
  findings.push(...platformFindings(report, platform));
  if (profile !== undefined) {
    const context = { bundleId: about.id, code: report, isMac: layout.isMac, nowMs: options.nowMs };
    findings.push(...profileFindings(profile.profile, { ...context, where: profile.where }));
  }
  const isStapled = await hasTicket(tree, layout, findings);
  const signers = (report?.signers ?? []).map((signer) => ({
    ...signer,
    verified: signer.verified && isSound,
  }));
  return {
    icon: (info && (await readPart(findings, () => bundleIcon(tree, layout, info)))) ?? null,
    facts: {
      min_os: about.minOs ?? programMinimum(report),
      executable: about.executable,
      ...bundleInfoFacts(info ?? new Map()),
      ...(report && codeFacts(report, options.verify)),
      signing,
      ...(layout.isMac && {
        hardened_runtime: report === null ? null : isHardened(report),
        notarization_ticket: isStapled ? "stapled" : "not_stapled",
      }),
      ...(profile && profileFacts(profile.profile)),
      ...nestedFacts(nested, root),
    },
    identity: { id: about.id, version: about.version, build: about.build, label: about.label, signers },
    findings,
    runsOn: archesOf(report?.programs.map(({ slice }) => slice.cpu) ?? []),
    isMac: layout.isMac,
    signing,
    isStapled,
  };
}

const nothing: Omit<BundleReport, "findings"> = {
  facts: {},
  identity: noIdentity,
  icon: null,
  runsOn: [],
  isMac: false,
  signing: null,
  isStapled: false,
};

/** What Gatekeeper asks of an app that comes from elsewhere than the store. `isStapled` is true when its container has the ticket. */
export function gatekeeperFindings(
  { facts, signing, isStapled }: BundleReport,
  where: string,
  container: { readonly isStapled: boolean } = { isStapled: false },
): Finding[] {
  if (signing !== "developer_id") return [];
  if (facts["hardened_runtime"] !== true) {
    const message = "The app is signed without the hardened runtime: Apple does not notarize it.";
    return [finding("validation.not_hardened", message, undefined, where)];
  }
  if (isStapled || container.isStapled) return [];
  const message =
    "No notarization ticket is stapled to the app: a Mac that cannot reach Apple refuses to open it.";
  return [finding("validation.not_notarized", message, undefined, where)];
}

async function readBundleProfile(
  tree: FileTree,
  { base }: BundleLayout,
  options: BundleCodeOptions,
  findings: Finding[],
): Promise<{ readonly profile: Profile; readonly where: string } | undefined> {
  const file = ["embedded.mobileprovision", "embedded.provisionprofile"]
    .map((name) => tree.get(`${base}/${name}`))
    .find((one) => one !== undefined);
  if (file === undefined) return undefined;
  const profile = await readPart(findings, async () =>
    readProfile(await file.read(MAX_PROFILE_BYTES), options.roots ?? appleRoots(), file.path),
  );
  return profile && { profile, where: file.path };
}

function signingOf(report: CodeReport | null, profile: Profile | null): Signing | null {
  const signed = report?.programs.find(({ signature }) => signature !== null);
  if (!signed?.signature) return null;
  if (signed.signature.cms === null) return "adhoc_signed";
  if (signed.signer === null) return null;
  const { kind } = signed.signer;
  if (kind === "developer_id") return "developer_id";
  if (kind === "store") return "app_store";
  // Which of these a certificate for distribution was used for only the profile says.
  return profile?.kind ?? (kind === "distribution" ? "app_store" : kind);
}

function signingFindings(
  report: CodeReport | null,
  signing: Signing | null,
  { base, isMac }: BundleLayout,
  hasProfile: boolean,
): Finding[] {
  if (report === null) return [];
  const unsigned = report.programs.filter(({ slice }) => slice.signature === null);
  if (unsigned.length > 0) {
    const cpus = unsigned.map(({ slice }) => slice.cpu).join(", ");
    const message = `Nobody has signed the app's program for ${cpus}.`;
    return [finding("validation.unsigned", message, undefined, base)];
  }
  const isDebuggable = report.entitlements?.get("get-task-allow") === true;
  switch (signing) {
    case "adhoc_signed":
      return [
        finding(
          "validation.unsigned",
          "The app has a signature that names nobody (ad hoc).",
          { signing },
          base,
        ),
      ];
    case "development":
      return [
        finding(
          "validation.development_signed",
          "The app is signed for development: it runs only on the devices that its team has registered.",
          { signing },
          base,
        ),
      ];
    case null:
    case "ad_hoc":
    case "enterprise":
    case "app_store":
    case "developer_id":
  }
  const findings: Finding[] = [];
  if (isDebuggable) {
    const message = "The app lets debuggers attach to it (get-task-allow), as apps in development do.";
    findings.push(finding("validation.development_signed", message, { signing }, base));
  }
  const isStore = report.programs.some(({ signer }) => signer?.kind === "store");
  if (!isMac && !hasProfile && !isStore) {
    const message = "The app has no provisioning profile (embedded.mobileprovision): no device installs it.";
    findings.push(finding("validation.profile_missing", message, undefined, base));
  }
  return findings;
}

/** What programs for each platform say of themselves. Phones' apps may come with ones for watches, in bundles of their own. */
const expectedPlatforms: Partial<Record<Platform, readonly string[]>> = {
  ios: ["iOS"],
  macos: ["macOS", "Mac Catalyst"],
};

function platformFindings(report: CodeReport | null, declared: Platform): Finding[] {
  const expected = expectedPlatforms[declared];
  const found = report?.programs.flatMap(({ slice }) => slice.platform ?? []) ?? [];
  if (expected === undefined || found.length === 0) return [];
  if (found.some((platform) => expected.includes(platform))) return [];
  const message = `The platform ${declared} was declared, and the app is for ${[...new Set(found)].join(", ")}.`;
  return [
    finding("validation.platform_mismatch", message, { declared_platform: declared, platforms: found }),
  ];
}

function programMinimum(report: CodeReport | null): string | null {
  const slice = report?.programs.find((program) => program.slice.minOs !== null)?.slice;
  return slice === undefined ? null : `${slice.platform ?? ""} ${slice.minOs}`.trim();
}

async function hasTicket(
  tree: FileTree,
  { base, isMac }: BundleLayout,
  findings: Finding[],
): Promise<boolean> {
  const file = isMac ? tree.get(`${base}/CodeResources`) : undefined;
  if (file === undefined || file.linkTarget !== null) return false;
  const ticket = await readPart(findings, () => file.read(MAX_TICKET_BYTES));
  return ticket?.toString("latin1", 0, TICKET_MAGIC.length) === TICKET_MAGIC;
}

function nestedFacts(nested: ReadonlyMap<string, NestedCode>, root: string): Record<string, unknown> {
  const all = [...nested.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const listed = (isExtension: boolean) =>
    all
      .filter(({ kind }) => (kind !== "framework") === isExtension)
      .slice(0, MAX_LISTED)
      .map(({ path, identifier, version, team }) => ({
        path: path.slice(root.length + 1),
        identifier,
        version,
        team,
      }));
  return { frameworks: listed(false), extensions: listed(true) };
}
