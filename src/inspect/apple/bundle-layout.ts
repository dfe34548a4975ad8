import type { FileTree } from "../file-tree.ts";
import { linkTarget } from "./sealed-resources.ts";

/** Where the parts of a bundle stand. */
export interface BundleLayout {
  readonly root: string;
  /** What the seal's paths are relative to. */
  readonly base: string;
  readonly infoPath: string;
  /** Where the main program stands, relative to `base`. */
  readonly programFolder: "" | "MacOS/";
  readonly isMac: boolean;
}

/**
 * How a bundle is laid out: flat, as on phones; with `Contents`, as apps for macOS; or with versions, as frameworks there. Undefined
 * when there is no Info.plist in any of these places. Throws `UnreadableError`.
 */
export async function bundleLayout(tree: FileTree, root: string): Promise<BundleLayout | undefined> {
  if (tree.has(`${root}/Contents/Info.plist`)) {
    const base = `${root}/Contents`;
    return { root, base, infoPath: `${base}/Info.plist`, programFolder: "MacOS/", isMac: true };
  }
  if (tree.has(`${root}/Info.plist`)) {
    return { root, base: root, infoPath: `${root}/Info.plist`, programFolder: "", isMac: false };
  }
  const current = tree.get(`${root}/Versions/Current`);
  const version = current === undefined ? "A" : ((await linkTarget(current)) ?? "A");
  const base = `${root}/Versions/${version}`;
  const infoPath = `${base}/Resources/Info.plist`;
  if (!tree.has(infoPath)) return undefined;
  return { root: base, base, infoPath, programFolder: "", isMac: true };
}
