import { childrenOf, child, readXml } from "./xml-tree.ts";

/** A component package, by its `PackageInfo`. JSON as a fact. */
export interface ComponentPackage {
  /** The folder of the product it stands in; null for a component package on its own. */
  readonly path: string | null;
  readonly identifier: string | null;
  readonly version: string | null;
  readonly install_location: string | null;
  /** `root` when the installer asks for an administrator. */
  readonly auth: string | null;
  readonly install_kilobytes: number | null;
  /** What runs at installation: `preinstall`, `postinstall`. */
  readonly scripts: readonly string[];
  readonly bundles: readonly PackagedBundle[];
}

/** A bundle that the package installs. */
export interface PackagedBundle {
  readonly id: string | null;
  readonly version: string | null;
  readonly build: string | null;
  readonly path: string | null;
}

const MAX_SCRIPTS = 20;
const MAX_BUNDLES = 50;

/** Reads a `PackageInfo`. Throws `UnreadableError`. `folder` is where it stands in the product. */
export function readPackageInfo(xml: Uint8Array, folder: string | null): ComponentPackage {
  const info = readXml(xml, folder === null ? "PackageInfo" : `${folder}/PackageInfo`);
  const text = (name: string): string | null => info.attributes[name] || null;
  const kilobytes = Number(child(info, "payload")?.attributes["installKBytes"] ?? Number.NaN);
  return {
    path: folder,
    identifier: text("identifier"),
    version: text("version"),
    install_location: text("install-location"),
    auth: text("auth"),
    install_kilobytes: Number.isSafeInteger(kilobytes) ? kilobytes : null,
    scripts: (child(info, "scripts")?.children ?? []).slice(0, MAX_SCRIPTS).map(({ name }) => name),
    // Bundles stand once more, with their id alone, in the elements that tell how to update them.
    bundles: childrenOf(info, "bundle")
      .slice(0, MAX_BUNDLES)
      .map(({ attributes }) => ({
        id: attributes["id"] ?? null,
        version: attributes["CFBundleShortVersionString"] ?? null,
        build: attributes["CFBundleVersion"] ?? null,
        path: attributes["path"] ?? null,
      })),
  };
}
