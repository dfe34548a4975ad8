import type { Arch } from "../inspection.ts";
import { readXml } from "../windows-xml.ts";

const MAX_CAPABILITIES = 100;
const MAX_APPLICATIONS = 20;
const MAX_FAMILIES = 20;
const MAX_PACKAGES = 200;
const MAX_TEXT = 1024;

/** What a package's manifest says, `AppxManifest.xml` or, of a bundle, `AppxMetadata/AppxBundleManifest.xml`. */
export interface PackageManifest {
  readonly name: string | null;
  /** A distinguished name, which the signer's certificate has to have. */
  readonly publisher: string | null;
  readonly version: string | null;
  /** As written; null where it is silent, and for a bundle. */
  readonly architecture: string | null;
  readonly resourceId: string | null;
  /** `ms-resource:…` where it stands in the resources, which are not read. */
  readonly displayName: string | null;
  readonly publisherName: string | null;
  /** Path of the logo, with `/`. */
  readonly logo: string | null;
  readonly families: readonly DeviceFamily[];
  readonly capabilities: readonly string[];
  readonly applications: readonly { readonly id: string | null; readonly executable: string | null }[];
  /** Of a bundle. */
  readonly packages: readonly BundledPackage[];
}

export interface DeviceFamily {
  readonly name: string;
  readonly min_version: string | null;
  readonly max_version_tested: string | null;
}

export interface BundledPackage {
  readonly filename: string;
  readonly type: string;
  readonly version: string | null;
  readonly architecture: string | null;
}

/** `ProcessorArchitecture`; `neutral` is for any processor, as is a package that names none. */
export const archByName: ReadonlyMap<string, Arch> = new Map([
  ["x86", "x86"],
  ["x64", "x86_64"],
  ["arm", "armv7"],
  ["arm64", "arm64"],
  ["neutral", "universal"],
]);

type Attributes = ReadonlyMap<string, string>;

/** Reads a manifest. Throws `UnreadableError`. */
export function readPackageManifest(document: Buffer, where: string): PackageManifest {
  const path: string[] = [];
  let identity: Attributes = new Map();
  const properties = new Map<string, string>();
  const families: DeviceFamily[] = [];
  const capabilities = new Set<string>();
  const applications: PackageManifest["applications"][number][] = [];
  const packages: BundledPackage[] = [];
  readXml(document, where, {
    open: (name, attributes) => {
      path.push(name);
      const text = (key: string) => attributes.get(key)?.slice(0, MAX_TEXT) ?? null;
      if (path.length === 2 && name === "Identity") identity = attributes;
      if (name === "TargetDeviceFamily" && families.length < MAX_FAMILIES) {
        families.push({
          name: text("Name") ?? "",
          min_version: text("MinVersion"),
          max_version_tested: text("MaxVersionTested"),
        });
      }
      if (path.at(-2) === "Capabilities" && capabilities.size < MAX_CAPABILITIES) {
        capabilities.add(text("Name") ?? "");
      }
      if (
        path.at(-2) === "Applications" &&
        name === "Application" &&
        applications.length < MAX_APPLICATIONS
      ) {
        applications.push({ id: text("Id"), executable: text("Executable") });
      }
      if (path.at(-2) === "Packages" && name === "Package" && packages.length < MAX_PACKAGES) {
        packages.push({
          filename: text("FileName") ?? "",
          type: text("Type") ?? "resource",
          version: text("Version"),
          architecture: text("Architecture"),
        });
      }
    },
    text: (text) => {
      const [, parent, name] = path;
      if (path.length !== 3 || parent !== "Properties") return;
      properties.set(name!, `${properties.get(name!) ?? ""}${text}`.slice(0, MAX_TEXT));
    },
    close: () => path.pop(),
  });
  const own = (key: string) => identity.get(key)?.slice(0, MAX_TEXT) ?? null;
  const property = (key: string) => properties.get(key)?.trim() || null;
  return {
    name: own("Name"),
    publisher: own("Publisher"),
    version: own("Version"),
    architecture: own("ProcessorArchitecture"),
    resourceId: own("ResourceId"),
    displayName: property("DisplayName"),
    publisherName: property("PublisherDisplayName"),
    logo: property("Logo")?.replaceAll("\\", "/") ?? null,
    families,
    capabilities: [...capabilities].filter((name) => name !== ""),
    applications,
    packages,
  };
}
