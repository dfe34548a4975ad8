import { type AppParts, readAndroidApp } from "../android/android-app.ts";
import { nativeAbis } from "../android/native-abis.ts";
import { signatureFacts, signerFindings, signersOf } from "../apk/signature-facts.ts";
import type { FileTree } from "../file-tree.ts";
import { type FormatReader, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { openZip } from "../zip/open-zip.ts";
import { zipTree } from "../zip/zip-tree.ts";
import { verifyBundle } from "./bundle-signature.ts";
import { readModules } from "./modules.ts";
import { protoField, protoText } from "./proto-fields.ts";
import { readProtoResources } from "./proto-resources.ts";
import { readProtoXml } from "./proto-xml.ts";

const BASE = "base/";
const MANIFEST = "base/manifest/AndroidManifest.xml";
const RESOURCES = "base/resources.pb";
const CONFIG = "BundleConfig.pb";
const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_VERSION_BYTES = 100;
/** `BundleConfig.bundletool`, `Bundletool.version` */
const BUNDLETOOL = 1;
const VERSION = 2;

const parts: AppParts = {
  what: "bundle",
  manifest: { path: MANIFEST, read: (file) => readProtoXml(file, MANIFEST) },
  resources: { path: RESOURCES, read: (file) => readProtoResources(file, RESOURCES) },
  folder: BASE,
};

/**
 * An Android App Bundle, from which stores make APKs. Facts: those of an APK's manifest for the base module, `icon` (its path),
 * `architectures` (folders of `base/lib/`), `modules` (the others: `name`, `delivery`), `bundletool_version`, `signatures`,
 * `certificates`.
 */
export const readAab: FormatReader = async ({ bytes, verify, nowMs }) => {
  const findings: Finding[] = [];
  const directory = await openZip(bytes, verify, findings);
  if (directory === undefined) return { facts: {}, identity: noIdentity, findings };
  // What a bomb holds is not unpacked; its signature is of no matter, as it is refused.
  const isSound = !findings.some(({ severity }) => severity === "error");
  const files = zipTree(bytes, directory);
  const { manifest, ...app } = await readAndroidApp(files, parts, findings);
  const modules = await readModules(files, findings);
  const bundletool = await readPart(findings, () => bundletoolVersion(files));
  const { abis, runsOn } = nativeAbis(files.keys(), BASE);
  const signed = await verifyBundle(bytes, directory, verify && isSound, findings);
  findings.push(...signerFindings(signed, nowMs));
  return {
    facts: {
      ...manifest?.facts,
      icon: app.iconPath ?? null,
      architectures: abis,
      modules,
      bundletool_version: bundletool ?? null,
      ...signatureFacts(signed),
    },
    identity: {
      id: manifest?.packageName ?? null,
      version: manifest?.versionName ?? null,
      build: manifest?.versionCode ?? null,
      label: manifest?.label ?? null,
      signers: signersOf(signed),
    },
    findings,
    runsOn,
    ...(app.icon && { icon: app.icon }),
  };
};

async function bundletoolVersion(files: FileTree): Promise<string | undefined> {
  const file = await files.get(CONFIG)?.read(MAX_CONFIG_BYTES);
  const bundletool = file && protoField(file, BUNDLETOOL, CONFIG);
  const version = bundletool && protoField(bundletool.bytes, VERSION, CONFIG);
  return version && protoText(version, MAX_VERSION_BYTES);
}
