import type { ManifestElement } from "../apk/manifest-tree.ts";
import type { FileTree } from "../file-tree.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { readProtoXml } from "./proto-xml.ts";

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** Google Play takes up to 50 features and 50 packs of assets. */
const MAX_MODULES = 100;
export const BASE = "base";

/** A part of the bundle that devices get by itself. */
export interface BundleModule {
  readonly name: string;
  /** With the app, when it is asked for, right after the app, or where the device meets conditions. */
  readonly delivery: "install_time" | "on_demand" | "fast_follow" | "conditional";
}

export interface BundleModules {
  readonly modules: readonly BundleModule[];
  /** The manifest of the module that every bundle has. */
  readonly base: ManifestElement | undefined;
}

/** Reads every module's manifest, `NAME/manifest/AndroidManifest.xml`; adds what is wrong with one. */
export async function readModules(files: FileTree, findings: Finding[]): Promise<BundleModules> {
  const modules: BundleModule[] = [];
  let base: ManifestElement | undefined;
  for (const file of files.values()) {
    const name = /^([^/]+)\/manifest\/AndroidManifest\.xml$/.exec(file.path)?.[1];
    if (name === undefined || modules.length === MAX_MODULES) continue;
    const root = await readPart(findings, async () =>
      readProtoXml(await file.read(MAX_MANIFEST_BYTES), file.path),
    );
    if (name === BASE) base = root;
    if (root) modules.push({ name, delivery: deliveryOf(root) });
  }
  return { modules, base };
}

/** `<dist:module><dist:delivery>` with one of three elements; before there was that, the attribute `onDemand`. */
function deliveryOf(root: ManifestElement): BundleModule["delivery"] {
  const module = root.children.find(({ name }) => name === "module");
  const delivery = module?.children.find(({ name }) => name === "delivery");
  const child = (name: string) => delivery?.children.find((one) => one.name === name);
  if (child("fast-follow")) return "fast_follow";
  const atInstall = child("install-time");
  if (atInstall) {
    return atInstall.children.some(({ name }) => name === "conditions") ? "conditional" : "install_time";
  }
  const onDemand = module?.attributes.get("dist:onDemand");
  const isOnDemand =
    (onDemand?.kind === "boolean" && onDemand.value) ||
    (onDemand?.kind === "text" && onDemand.text === "true");
  return child("on-demand") || isOnDemand ? "on_demand" : "install_time";
}
