import type { TrustedRoots } from "../apple/apple-roots.ts";
import { inspectBundle } from "../apple/inspect-bundle.ts";
import { finding } from "../findings.ts";
import { type FileToInspect, type FormatReader, type FormatReport, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { openZip } from "../zip/open-zip.ts";
import { zipTree } from "../zip/zip-tree.ts";

const SHOWN = 5;

/** An app for phones and tablets: a zip archive with the app's folder in `Payload`. Facts: those of `inspectBundle`, and `app`. */
export const readIpa: FormatReader = (file) => inspectIpa(file);

/** `readIpa` with other roots than Apple's, for tests. */
export async function inspectIpa(
  { bytes, declared, nowMs, verify }: FileToInspect,
  roots?: TrustedRoots,
): Promise<FormatReport> {
  const findings: Finding[] = [];
  const directory = await openZip(bytes, verify, findings);
  if (directory === undefined) return { facts: {}, identity: noIdentity, findings };
  const tree = zipTree(bytes, directory);
  const apps = appFolders(tree.keys());
  const [root] = apps;
  if (root === undefined) {
    findings.push(
      finding("validation.app_missing", "The archive has no folder Payload/….app: it is no app for iOS."),
    );
    return { facts: {}, identity: noIdentity, findings };
  }
  if (apps.length > 1) {
    const message = `The archive has ${apps.length} apps, and devices install one: ${apps.slice(0, SHOWN).join(", ")}. The first one was inspected.`;
    findings.push(finding("validation.app_several", message, { apps: apps.slice(0, SHOWN) }));
  }
  const bundle = await inspectBundle(tree, root, declared.platform, { nowMs, verify, roots });
  if (bundle.facts["encrypted"] === true) {
    const message = "The app is encrypted by the App Store: it runs only for the account that bought it.";
    findings.push(finding("validation.encrypted_app", message, undefined, root));
  }
  return {
    facts: { app: root.slice(root.indexOf("/") + 1), ...bundle.facts },
    identity: bundle.identity,
    findings: [...findings, ...bundle.findings],
    runsOn: bundle.runsOn,
    ...(bundle.icon && { icon: bundle.icon }),
  };
}

function appFolders(paths: Iterable<string>): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const [payload, folder, inside] = path.split("/", 3);
    if (payload === "Payload" && folder?.endsWith(".app") === true && inside !== undefined) {
      folders.add(`${payload}/${folder}`);
    }
  }
  return [...folders].sort();
}
