import { child, childrenOf, readXml, type XmlElement } from "./xml-tree.ts";

/** What a product archive's `Distribution` says. */
export interface Distribution {
  readonly title: string | null;
  readonly productId: string | null;
  readonly productVersion: string | null;
  /** `11.0`. */
  readonly minOs: string | null;
  readonly hostArchitectures: readonly string[];
  /** Packages by identifier, in the order of the document, each once. */
  readonly packages: readonly PackageReference[];
  /** True when the document holds JavaScript that runs before anything is installed. */
  readonly hasScript: boolean;
  /** The file of the agreement that has to be accepted. */
  readonly license: string | null;
}

export interface PackageReference {
  readonly id: string;
  readonly version: string | null;
  readonly installKilobytes: number | null;
  /** The folder of the package in this archive; null when none is named. */
  readonly folder: string | null;
}

const MAX_PACKAGES = 100;

/** Reads a `Distribution`. Throws `UnreadableError`. */
export function readDistribution(xml: Uint8Array): Distribution {
  const root = readXml(xml, "Distribution");
  const product = child(root, "product");
  // productbuild puts the architectures into the element of all options, and people write a second one.
  const architectures = childrenOf(root, "options").map(({ attributes }) => attributes["hostArchitectures"]);
  return {
    title: child(root, "title")?.text || null,
    productId: product?.attributes["id"] ?? null,
    productVersion: product?.attributes["version"] ?? null,
    minOs: minOs(root),
    hostArchitectures: (architectures.find((value) => value !== undefined) ?? "")
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    packages: packageReferences(root),
    hasScript: childrenOf(root, "script").length > 0,
    license: child(root, "license")?.attributes["file"] ?? null,
  };
}

/** The lowest version of any range that is allowed. */
function minOs(root: XmlElement): string | null {
  const allowed = [root, ...childrenOf(root, "volume-check")].flatMap((element) =>
    childrenOf(child(element, "allowed-os-versions"), "os-version"),
  );
  const versions = allowed.flatMap(({ attributes }) => attributes["min"] ?? []);
  return versions.toSorted(byVersion)[0] ?? null;
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function packageReferences(root: XmlElement): PackageReference[] {
  const found = new Map<string, PackageReference>();
  for (const { attributes, text } of childrenOf(root, "pkg-ref")) {
    const { id, version, installKBytes } = attributes;
    if (id === undefined || (found.size >= MAX_PACKAGES && !found.has(id))) continue;
    const before = found.get(id);
    const kilobytes = Number(installKBytes ?? Number.NaN);
    found.set(id, {
      id,
      version: before?.version ?? version ?? null,
      installKilobytes: before?.installKilobytes ?? (Number.isSafeInteger(kilobytes) ? kilobytes : null),
      folder: before?.folder ?? folderOf(text),
    });
  }
  return [...found.values()];
}

/** `#Acme.pkg` is a package in this archive; other URLs lead elsewhere. */
function folderOf(url: string): string | null {
  if (!url.startsWith("#") || url.length < 2) return null;
  try {
    return decodeURIComponent(url.slice(1));
  } catch {
    return url.slice(1);
  }
}
