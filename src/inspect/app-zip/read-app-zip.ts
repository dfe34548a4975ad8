import type { TrustedRoots } from "../apple/apple-roots.ts";
import { gatekeeperFindings, inspectBundle } from "../apple/inspect-bundle.ts";
import type { FileTree } from "../file-tree.ts";
import { finding } from "../findings.ts";
import { type FileToInspect, type FormatReader, type FormatReport, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { openZip } from "../zip/open-zip.ts";
import { zipTree } from "../zip/zip-tree.ts";
import { inspectTools } from "./inspect-tools.ts";

const SHOWN = 5;
/** Finder keeps what zip archives have no place for in a folder of its own. */
const FINDER_FOLDER = "__MACOSX/";

/**
 * An app for macOS in a zip archive, at its root or one folder down; else the command-line programs there. Facts: those of
 * `inspectBundle` and `app`, or `programs`.
 */
export const readAppZip: FormatReader = (file) => inspectAppZip(file);

/** `readAppZip` with other roots than Apple's, for tests. */
export async function inspectAppZip(
  { bytes, declared, nowMs, verify }: FileToInspect,
  roots?: TrustedRoots,
): Promise<FormatReport> {
  const findings: Finding[] = [];
  const directory = await openZip(bytes, verify, findings);
  if (directory === undefined) return { facts: {}, identity: noIdentity, findings };
  const tree: FileTree = new Map(
    [...zipTree(bytes, directory)].filter(([path]) => !path.startsWith(FINDER_FOLDER)),
  );
  const apps = appFolders(tree.keys());
  const [root] = apps;
  if (root === undefined) {
    const tools = await inspectTools(tree, { nowMs, verify, roots });
    return { ...tools, findings: [...findings, ...tools.findings] };
  }
  if (apps.length > 1) {
    const message = `The archive has ${apps.length} apps: ${apps.slice(0, SHOWN).join(", ")}. The first one was inspected.`;
    findings.push(finding("validation.app_several", message, { apps: apps.slice(0, SHOWN) }));
  }
  const bundle = await inspectBundle(tree, root, declared.platform, { nowMs, verify, roots });
  return {
    facts: { app: root, ...bundle.facts },
    identity: bundle.identity,
    findings: [...findings, ...bundle.findings, ...gatekeeperFindings(bundle, root)],
    runsOn: bundle.runsOn,
    ...(bundle.icon && { icon: bundle.icon }),
  };
}

/** The folders `….app` at the root or one folder down, those at the root first. */
function appFolders(paths: Iterable<string>): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/");
    const depth = [0, 1].find((one) => parts[one]?.endsWith(".app") === true && parts.length > one + 1);
    if (depth !== undefined) folders.add(parts.slice(0, depth + 1).join("/"));
  }
  return [...folders].sort((a, b) => a.split("/").length - b.split("/").length || (a < b ? -1 : 1));
}
