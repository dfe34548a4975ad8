import type { FileTree } from "../file-tree.ts";
import { finding } from "../findings.ts";
import type { Finding, Icon } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { type AndroidManifest, readAndroidManifest } from "./android-manifest.ts";
import { launcherIcon } from "./launcher-icon.ts";
import { manifestFindings } from "./manifest-findings.ts";
import type { ManifestElement } from "./manifest-tree.ts";
import type { Resources } from "./resources.ts";

/** Real manifests stay below 1 MiB, resource tables below 30. Both are held in memory. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const MAX_TABLE_BYTES = 64 * 1024 * 1024;

interface Part<T> {
  readonly path: string;
  /** Throws `UnreadableError`. */
  readonly read: (file: Buffer) => T;
}

/** Where a kind of package has what describes its app. Paths in resources are below `folder`, which ends with `/` or is empty. */
export interface AppParts {
  /** What the package is called in sentences. */
  readonly what: string;
  readonly manifest: Part<ManifestElement>;
  readonly resources: Part<Resources>;
  readonly folder?: string;
}

export interface AndroidApp {
  /** Undefined where there is none that can be read. */
  readonly manifest?: AndroidManifest | undefined;
  readonly iconPath?: string | undefined;
  readonly icon?: Icon;
}

/** Reads what a package's manifest and resources say of its app. What is wrong with them is added to `findings`. */
export async function readAndroidApp(
  files: FileTree,
  { what, manifest: { path, read }, resources: table, folder = "" }: AppParts,
  findings: Finding[],
): Promise<AndroidApp> {
  const manifestFile = files.get(path);
  if (!manifestFile) {
    findings.push(finding("validation.manifest_missing", `The ${what} has no ${path}.`));
    return {};
  }
  const root = await readPart(findings, async () => read(await manifestFile.read(MAX_MANIFEST_BYTES)));
  if (!root) return {};
  const tableFile = files.get(table.path);
  const resources =
    tableFile && (await readPart(findings, async () => table.read(await tableFile.read(MAX_TABLE_BYTES))));
  const manifest = await readPart(findings, () => readAndroidManifest(root, resources));
  // Where the resources are damaged, what needs none of them is still known.
  const known = manifest ?? readAndroidManifest(root, undefined);
  findings.push(...manifestFindings(known, path));
  const picture = await readPart(findings, () => launcherIcon(root, resources, files, folder));
  return { manifest: known, iconPath: picture?.path, ...(picture && { icon: picture.icon }) };
}
