import type { FileTree } from "../file-tree.ts";
import type { FormatReport } from "../format-reader.ts";
import type { Finding, Identity, Signer } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { type AndroidManifest, readAndroidManifest } from "./android-manifest.ts";
import { launcherIcon } from "./launcher-icon.ts";
import { manifestFindings } from "./manifest-findings.ts";
import type { ManifestElement } from "./manifest-tree.ts";
import type { Resources } from "./resources.ts";

/** What is known of an Android app without its signature. */
export interface AndroidApp extends Pick<FormatReport, "icon"> {
  readonly manifest: AndroidManifest;
  /** Where the icon stands among `files`. */
  readonly iconPath: string | null;
}

/**
 * Reads an app's manifest with its resources, and its icon from `files`; adds what is found. Where resources are damaged, what needs
 * none of them is still known. Raises what reading the file raises.
 */
export async function readApp(
  root: ManifestElement,
  resources: Resources | undefined,
  files: FileTree,
  findings: Finding[],
): Promise<AndroidApp> {
  const whole = await readPart(findings, () => readAndroidManifest(root, resources));
  const manifest = whole ?? readAndroidManifest(root, undefined);
  findings.push(...manifestFindings(manifest));
  const picture = await readPart(findings, () => launcherIcon(root, resources, files));
  return { manifest, iconPath: picture?.path ?? null, ...(picture && { icon: picture.icon }) };
}

/** Who an app says it is, and who signed it. */
export function appIdentity(manifest: AndroidManifest | undefined, signers: readonly Signer[]): Identity {
  return {
    id: manifest?.packageName ?? null,
    version: manifest?.versionName ?? null,
    build: manifest?.versionCode ?? null,
    label: manifest?.label ?? null,
    signers,
  };
}
