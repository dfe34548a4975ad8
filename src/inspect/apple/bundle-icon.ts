import type { FileTree, TreeFile } from "../file-tree.ts";
import type { Icon } from "../inspection.ts";
import type { BundleLayout } from "./bundle-layout.ts";
import { isCgbi, ordinaryPng } from "./cgbi-png.ts";
import { largestPicture } from "./icns.ts";
import { dictAt, type PlistDict, textAt, textsAt } from "./plist-value.ts";
import { readPngChunks, readPngHeader } from "./png.ts";

/** Icons have up to some hundred KiB. */
const MAX_ICON_BYTES = 4 * 1024 * 1024;
/** Each is read. */
const MAX_CANDIDATES = 24;

/**
 * The icon that a home screen or a Dock shows, as an ordinary PNG; null when it is only in an asset catalogue, whose form is Apple's
 * own. Throws `UnreadableError`.
 */
export async function bundleIcon(
  tree: FileTree,
  { base, isMac }: BundleLayout,
  info: PlistDict,
): Promise<Icon | null> {
  const bytes = isMac ? await macIcon(tree, base, info) : await phoneIcon(tree, base, info);
  return bytes && { contentType: "image/png", bytes };
}

async function macIcon(tree: FileTree, base: string, info: PlistDict): Promise<Buffer | null> {
  const name = textAt(info, "CFBundleIconFile");
  if (name === null) return null;
  const file = tree.get(`${base}/Resources/${name}`) ?? tree.get(`${base}/Resources/${name}.icns`);
  return file === undefined ? null : largestPicture(await file.read(MAX_ICON_BYTES), file.path);
}

async function phoneIcon(tree: FileTree, base: string, info: PlistDict): Promise<Buffer | null> {
  let best: { readonly file: TreeFile; readonly bytes: Buffer; readonly width: number } | undefined;
  for (const file of candidates(tree, base, iconNames(info))) {
    const bytes = await file.read(MAX_ICON_BYTES);
    const { width } = readPngHeader(readPngChunks(bytes, file.path), file.path);
    if (best === undefined || width > best.width) best = { file, bytes, width };
  }
  if (best === undefined) return null;
  const { bytes, file } = best;
  return isCgbi(readPngChunks(bytes, file.path)) ? await ordinaryPng(bytes, file.path) : bytes;
}

/** Names without size and ending, as `CFBundleIconFiles` has them. */
function iconNames(info: PlistDict): string[] {
  const sets = ["CFBundleIcons", "CFBundleIcons~ipad"].map((key) =>
    dictAt(dictAt(info, key), "CFBundlePrimaryIcon"),
  );
  const names = [...sets, info].flatMap((set) => textsAt(set, "CFBundleIconFiles"));
  return [...new Set([...names, ...textsAt(info, "CFBundleIconFile")])];
}

function candidates(tree: FileTree, base: string, names: readonly string[]): TreeFile[] {
  const suffixes = ["@3x", "@2x", "@3x~ipad", "@2x~ipad", "~ipad", ""];
  const paths = names.flatMap((name) => {
    const plain = name.replace(/\.png$/i, "");
    return suffixes.map((suffix) => `${base}/${plain}${suffix}.png`);
  });
  return [...new Set(paths)].flatMap((path) => tree.get(path) ?? []).slice(0, MAX_CANDIDATES);
}
