import type { TrustedRoots } from "../apple/apple-roots.ts";
import { gatekeeperFindings, inspectBundle } from "../apple/inspect-bundle.ts";
import type { FileTree, TreeFile } from "../file-tree.ts";
import { finding } from "../findings.ts";
import { type FileToInspect, type FormatReport, noIdentity } from "../format-reader.ts";
import { readPkgTrusting } from "../pkg/read-pkg.ts";

const SHOWN = 5;

export interface DiskPayloadOptions {
  readonly roots: TrustedRoots;
  /** A ticket for all that is in it is stapled to the image. */
  readonly isStapled: boolean;
}

/**
 * Looks into what a disk image is made for: the app at its top, or, when there is none, the installer package there. Facts: `app` and those of
 * `inspectBundle`, or `package` and those of `readPkg`.
 */
export async function inspectDiskPayload(
  tree: FileTree,
  file: FileToInspect,
  options: DiskPayloadOptions,
): Promise<FormatReport> {
  const apps = appsAtTop(tree);
  const [app] = apps;
  if (app !== undefined) return await inspectApp(tree, apps, app, file, options);
  const pkg = [...tree.values()].find(({ path }) => !path.includes("/") && path.endsWith(".pkg"));
  if (pkg?.access !== undefined) return await inspectPackage(pkg, pkg.access, file, options);
  const message = "The disk image has no app and no installer package at its top.";
  return { ...nothing, findings: [finding("validation.app_missing", message)] };
}

const nothing = { facts: {}, identity: noIdentity } as const;

async function inspectApp(
  tree: FileTree,
  apps: readonly string[],
  app: string,
  { declared, nowMs, verify }: FileToInspect,
  { roots, isStapled }: DiskPayloadOptions,
): Promise<FormatReport> {
  const shown = apps.slice(0, SHOWN);
  const message = `The disk image has ${apps.length} apps: ${shown.join(", ")}. The first one was inspected.`;
  const bundle = await inspectBundle(tree, app, declared.platform, { nowMs, verify, roots });
  return {
    facts: { app, ...bundle.facts },
    identity: bundle.identity,
    findings: [
      ...(apps.length > 1 ? [finding("validation.app_several", message, { apps: shown })] : []),
      ...bundle.findings,
      ...gatekeeperFindings(bundle, app, { isStapled }),
    ],
    runsOn: bundle.runsOn,
    ...(bundle.icon && { icon: bundle.icon }),
  };
}

async function inspectPackage(
  { path }: TreeFile,
  access: NonNullable<TreeFile["access"]>,
  file: FileToInspect,
  { roots, isStapled }: DiskPayloadOptions,
): Promise<FormatReport> {
  const report = await readPkgTrusting(roots, { ...file, bytes: await access() });
  const findings = report.findings
    .filter(({ code }) => !(isStapled && code === "validation.not_notarized"))
    .map((one) => ({ ...one, where: one.where === undefined ? path : `${path}/${one.where}` }));
  return { ...report, facts: { package: path, ...report.facts }, findings };
}

/** Folders at the top that are apps, in the order of their names. */
function appsAtTop(tree: FileTree): string[] {
  const names = new Set<string>();
  for (const path of tree.keys()) {
    const name = path.split("/", 1)[0]!;
    if (name.endsWith(".app") && path !== name) names.add(name);
  }
  return [...names].sort();
}
