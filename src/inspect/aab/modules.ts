import type { ManifestElement, ManifestValue } from "../android/manifest-tree.ts";
import type { FileTree } from "../file-tree.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { readProtoXml } from "./proto-xml.ts";

/** The largest apps have some dozens. */
const MAX_MODULES = 100;
/** Of all of their manifests together. Each has a few kilobytes. */
const MAX_MANIFESTS_BYTES = 8 * 1024 * 1024;

/** A module of a bundle, as facts have it. */
export interface BundleModule {
  readonly name: string;
  /** When a device gets it: `install_time`, `on_demand`, `fast_follow`; empty where its manifest does not say. */
  readonly delivery: readonly string[];
}

/** The modules of a bundle but its base: folders at the top with a manifest of their own. By name. */
export async function readModules(files: FileTree, findings: Finding[]): Promise<readonly BundleModule[]> {
  const names = [...files.keys()].flatMap((path) => MODULE_MANIFEST.exec(path)?.[1] ?? []).toSorted();
  if (names.length > MAX_MODULES) {
    const message = `The bundle has more than the ${MAX_MODULES} modules that are read.`;
    findings.push(finding("validation.limit", message));
  }
  let left = MAX_MANIFESTS_BYTES;
  const modules: BundleModule[] = [];
  for (const name of names.slice(0, MAX_MODULES)) {
    const path = `${name}/manifest/AndroidManifest.xml`;
    const root = await readPart(findings, async () => {
      const manifest = await files.get(path)!.read(left);
      left -= manifest.length;
      return readProtoXml(manifest, path);
    });
    modules.push({ name, delivery: root ? deliveryOf(root) : [] });
  }
  return modules;
}

const MODULE_MANIFEST = /^(?!base\/)([^/]{1,200})\/manifest\/AndroidManifest\.xml$/s;

/** `<dist:module><dist:delivery><dist:on-demand/>…`, or the older `<dist:module dist:onDemand="true">`. */
function deliveryOf(root: ManifestElement): readonly string[] {
  const module = child(root, "module");
  const delivery = module && child(module, "delivery");
  if (delivery) return kinds.filter((kind) => child(delivery, kind)).map((kind) => kind.replace("-", "_"));
  const onDemand = module?.attributes.get("dist:onDemand");
  if (onDemand === undefined) return [];
  return [isTrue(onDemand) ? "on_demand" : "install_time"];
}

const kinds = ["install-time", "on-demand", "fast-follow"] as const;

function child(element: ManifestElement, name: string): ManifestElement | undefined {
  return element.children.find((one) => one.name === name);
}

function isTrue(value: ManifestValue): boolean {
  return (value.kind === "boolean" && value.value) || (value.kind === "text" && value.text === "true");
}
