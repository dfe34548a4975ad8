import type { FileTree } from "../file-tree.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { bundleInfo } from "./bundle-info.ts";
import { bundleLayout } from "./bundle-layout.ts";
import { type BundleCodeOptions, inspectBundleCode, type NestedCode } from "./bundle-code.ts";

/** Apps have some tens of frameworks; each is opened. */
const MAX_NESTED = 200;
/** Without a pass over the archive only so many are opened for their team, and so much of them is unpacked. */
const MAX_OPENED_WITHOUT_VERIFY = 30;

const kinds = new Set(["framework", "appex", "app", "xpc", "systemextension", "dext"]);

/**
 * The frameworks, extensions and helper apps in a bundle, those that stand in others first, so that whoever seals them can be held
 * against them. What is wrong with them is added to `findings`.
 */
export async function nestedCode(
  tree: FileTree,
  root: string,
  options: BundleCodeOptions,
  findings: Finding[],
): Promise<Map<string, NestedCode>> {
  const found = new Map<string, NestedCode>();
  const roots = nestedRoots(tree, root).sort((a, b) => depthOf(b) - depthOf(a));
  for (const [index, path] of roots.entries()) {
    const isOpened = options.verify || index < MAX_OPENED_WITHOUT_VERIFY;
    const nested = await readPart(findings, () =>
      inspectNested(tree, path, isOpened, found, options, findings),
    );
    if (nested !== undefined) found.set(path, nested);
  }
  return found;
}

function depthOf(path: string): number {
  return path.split("/").length;
}

/** The folders with such endings, in which there is anything. */
function nestedRoots(tree: FileTree, root: string): string[] {
  const roots = new Set<string>();
  for (const path of tree.keys()) {
    if (!path.startsWith(`${root}/`)) continue;
    for (let end = path.indexOf("/", root.length + 1); end !== -1; end = path.indexOf("/", end + 1)) {
      const kind = path.slice(path.lastIndexOf(".", end) + 1, end);
      if (kinds.has(kind)) roots.add(path.slice(0, end));
    }
    if (roots.size >= MAX_NESTED) break;
  }
  return [...roots].slice(0, MAX_NESTED);
}

async function inspectNested(
  tree: FileTree,
  path: string,
  isOpened: boolean,
  found: ReadonlyMap<string, NestedCode>,
  options: BundleCodeOptions,
  findings: Finding[],
): Promise<NestedCode | undefined> {
  const layout = await bundleLayout(tree, path);
  if (layout === undefined) return undefined;
  const code = isOpened ? await inspectBundleCode(tree, layout, found, options, findings) : null;
  const info = code?.info ?? null;
  const { id = null, version = null } = info === null ? {} : bundleInfo(info);
  const signature = code?.report?.programs.find((program) => program.signature !== null);
  return {
    path,
    kind: path.slice(path.lastIndexOf(".") + 1),
    identifier: id ?? signature?.signature?.directories[0].identifier ?? null,
    version,
    team: signature?.signer?.team ?? signature?.signature?.directories[0].team ?? null,
    code,
  };
}
