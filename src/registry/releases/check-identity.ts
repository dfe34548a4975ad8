import type { Transaction } from "../../catalog/database.ts";
import type { AppTable } from "../../catalog/tables.ts";
import { finding } from "../../inspect/findings.ts";
import type { Finding, Format, Identity, Signer } from "../../inspect/inspection.ts";
import { MAX_PINS, type Pins } from "../app-settings.ts";
import { pinsOf, recordPins } from "../apps.ts";
import { packageErrors } from "../errors.ts";

/** What an artifact is held against its app by; `identity` is undefined where nothing looked inside. */
export interface IdentifiedArtifact {
  readonly platform: string;
  readonly format: string;
  readonly filename: string;
  readonly identity: Identity | undefined;
}

/** What a release says it is. */
export interface DeclaredVersion {
  readonly version: string;
  readonly build: string;
}

type PinnedApp = Pick<AppTable, "identity_constraints" | "bundle_ids">;

/** The formats whose files are signed as a rule: without a signature one of them was made by somebody else. */
const signedFormats: ReadonlySet<string> = new Set<Format>([
  "apk",
  "aab",
  "ipa",
  "dmg",
  "pkg",
  "app_zip",
  "rpm",
  "exe",
  "msi",
  "msix",
]);

/**
 * Where an artifact differs from what its app or its release says: another bundle identifier or signer than is pinned (errors), another
 * version or build than was declared (warnings). `app` is undefined while there is none.
 */
export function identityFindings(
  app: PinnedApp | undefined,
  declared: DeclaredVersion,
  artifact: IdentifiedArtifact,
): Finding[] {
  const { identity } = artifact;
  return [
    ...(identity === undefined ? [] : versionFindings(declared, identity)),
    ...(app === undefined
      ? []
      : [...bundleFindings(app, artifact), ...signerFindings(pinsOf(app), artifact)]),
  ];
}

function versionFindings(declared: DeclaredVersion, { version, build }: Identity): Finding[] {
  const findings: Finding[] = [];
  if (version !== null && version !== declared.version) {
    const message = `The release is declared as version ${declared.version}; the file says ${version}.`;
    const details = { declared: declared.version, found: version };
    findings.push(finding("validation.version_differs", message, details));
  }
  if (build !== null && declared.build !== "" && build !== declared.build) {
    const message = `The release is declared as build ${declared.build}; the file says ${build}.`;
    findings.push(finding("validation.build_differs", message, { declared: declared.build, found: build }));
  }
  return findings;
}

function bundleFindings(app: PinnedApp, { platform, identity }: IdentifiedArtifact): Finding[] {
  const pinned = (JSON.parse(app.bundle_ids) as Record<string, string>)[platform];
  const found = identity?.id ?? null;
  if (pinned === undefined || found === null || found === pinned) return [];
  const message = `The app is ${pinned} on ${platform}; the file is ${found}.`;
  return [finding("validation.bundle_id_mismatch", message, { platform, pinned, found })];
}

function signerFindings(pins: Pins, { platform, format, identity }: IdentifiedArtifact): Finding[] {
  const pinned = pins[platform];
  if (pinned === undefined) return [];
  const signers = identity?.signers ?? [];
  if (signers.length === 0 && !(identity !== undefined && signedFormats.has(format))) {
    const message = "The app pins who may sign for this platform; nothing in this file says who made it.";
    return [finding("validation.signer_unread", message)];
  }
  const strangers = signers.filter((signer) => !isPinned(pinned, signer));
  if (signers.length > 0 && strangers.length === 0) {
    if (signers.every(({ verified }) => verified)) return [];
    const message = "The file names the signer that the app pins, but nothing here can prove it.";
    return [finding("validation.signer_unproven", message, { signers: signers.map(({ id }) => id) })];
  }
  const found = strangers.map(({ id, name }) => ({ id, name }));
  const who = found.length === 0 ? "nobody" : found.map(({ id, name }) => `${name} (${id})`).join(" and ");
  const message = `The app is signed by ${pinned.join(" or ")} on ${platform}; this file is signed by ${who}.`;
  return [finding("validation.signer_changed", message, { platform, pinned, found })];
}

/** A rotated key counts for the one that it took over from. */
function isPinned(pinned: readonly string[], { id, lineage }: Signer): boolean {
  return [id, ...lineage].some((one) => pinned.includes(one));
}

/**
 * "Trust on first use": pins those who signed, for each platform that pins nobody, where every file that is signed as a rule is, and
 * verifiably so. Changes nothing for an app that pins by hand.
 */
export async function pinFirstSigners(
  tx: Transaction,
  app: AppTable,
  releaseId: string,
  artifacts: readonly IdentifiedArtifact[],
): Promise<void> {
  if (app.signer_pinning !== "first_use") return;
  const pins = pinsOf(app);
  const firsts = [...Map.groupBy(artifacts, ({ platform }) => platform)].flatMap(([platform, files]) => {
    const signers = pins[platform] === undefined ? firstSigners(files) : [];
    return signers.length === 0 ? [] : [[platform, signers] as const];
  });
  if (firsts.length === 0) return;
  await recordPins(tx, app.id, { ...pins, ...Object.fromEntries(firsts) }, { releaseId });
}

function firstSigners(files: readonly IdentifiedArtifact[]): string[] {
  const signed = files.filter(
    ({ format, identity }) => signedFormats.has(format) || identity?.signers.length,
  );
  const isProven = signed.every(
    ({ identity }) =>
      (identity?.signers.length ?? 0) > 0 && identity!.signers.every(({ verified }) => verified),
  );
  if (!isProven) return [];
  return [...new Set(signed.flatMap(({ identity }) => identity!.signers.map(({ id }) => id)))].slice(
    0,
    MAX_PINS,
  );
}

/** Raises `package.changed` when an app is not held to what it was when its artifacts were looked at. */
export function requireSameIdentity(before: PinnedApp | undefined, now: PinnedApp): void {
  const { identity_constraints: pins, bundle_ids: ids } = before ?? {
    identity_constraints: "{}",
    bundle_ids: "{}",
  };
  if (now.identity_constraints === pins && now.bundle_ids === ids) return;
  throw packageErrors.error("package.changed", "What the app pins changed meanwhile. Retry.");
}
