import { finding } from "../findings.ts";
import { type AppParts, readAndroidApp } from "../android/android-app.ts";
import { type FileToInspect, type FormatReader, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { openZip } from "../zip/open-zip.ts";
import type { ZipDirectory } from "../zip/zip-directory.ts";
import { zipTree } from "../zip/zip-tree.ts";
import { readBinaryXml } from "./binary-xml.ts";
import { nativeAbis } from "../android/native-abis.ts";
import { readResourceTable } from "./resource-table.ts";
import { signatureFacts, signerFindings, signersOf } from "./signature-facts.ts";
import { verifyApk } from "./verify-apk.ts";

const parts: AppParts = {
  what: "APK",
  manifest: { path: "AndroidManifest.xml", read: readBinaryXml },
  resources: { path: "resources.arsc", read: readResourceTable },
};

/** What Android assumes of an app without a manifest that can be read is of no matter: it does not install it. */
const noNeeds = { minSdk: 1, targetSdk: 1, targetSandbox: 1 };

/**
 * An Android app. Facts: what its manifest says (`package`, `version_name`, `version_code`, `label`, `min_os`, `min_sdk`, `target_sdk`,
 * `max_sdk`, `compile_sdk`, `permissions`, `features`, `optional_features`, `deep_links`, `debuggable`, `test_only`, `split`), `icon` (its
 * path), `architectures` (folders of `lib/`), `signatures`, `certificates`, `v4_signature`.
 */
export const readApk: FormatReader = async (file) => {
  const findings: Finding[] = [];
  const directory = await openApk(file, findings);
  if (directory === undefined) return { facts: {}, identity: noIdentity, findings };
  // What a bomb holds is not unpacked; its signature is of no matter, as it is refused.
  const isSound = !findings.some(({ severity }) => severity === "error");
  const { manifest, ...app } = await readAndroidApp(zipTree(file.bytes, directory), parts, findings);
  const { abis, runsOn } = nativeAbis(directory.entries.map(({ name }) => name));
  const signed = await verifyApk(file.bytes, directory, manifest ?? noNeeds, file.verify && isSound);
  findings.push(...signed.findings, ...signerFindings(signed, file.nowMs));
  return {
    facts: {
      ...manifest?.facts,
      icon: app.iconPath ?? null,
      architectures: abis,
      ...signatureFacts(signed),
      // Scheme v4 is for installing over adb while the file still comes: it stands in another file, `.apk.idsig`.
      v4_signature: "separate_file",
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

/** Every signature covers the directory, and nothing is installed without one. */
async function openApk(
  { bytes, verify }: FileToInspect,
  findings: Finding[],
): Promise<ZipDirectory | undefined> {
  const directory = await openZip(bytes, verify, findings);
  const damage = findings.find(({ code }) => code === "validation.unreadable");
  if (damage !== undefined) {
    const message = "No signature of the APK holds: its directory cannot be read.";
    findings.push(finding("validation.apk_signature_invalid", message, undefined, damage.where));
  }
  return directory;
}
