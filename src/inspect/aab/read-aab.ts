import { nativeAbis } from "../apk/native-abis.ts";
import { appIdentity, readApp } from "../apk/read-app.ts";
import { signatureFacts, signersOf } from "../apk/signature-facts.ts";
import type { FileTree } from "../file-tree.ts";
import { finding } from "../findings.ts";
import type { FormatReader } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { protobufBytes } from "../protobuf.ts";
import { readPart } from "../unreadable.ts";
import { readZipDirectory } from "../zip/zip-directory.ts";
import { zipFindings } from "../zip/zip-findings.ts";
import { zipTree } from "../zip/zip-tree.ts";
import { verifyBundle } from "./bundle-signature.ts";
import { BASE, readModules } from "./modules.ts";
import { readProtoResources } from "./proto-resources.ts";
import { textOf } from "./proto-value.ts";

const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_RESOURCES_BYTES = 64 * 1024 * 1024;
const CONFIG = "BundleConfig.pb";

/**
 * An Android App Bundle, of which stores make APKs. Facts: what the base module's manifest says, as of an APK, `icon` (its path in that
 * module), `architectures`, `modules` (each with its `delivery`), `bundletool` (the version that made it), `signatures`, `certificates`.
 */
export const readAab: FormatReader = async ({ bytes, verify, nowMs }) => {
  const findings: Finding[] = [];
  const directory = await readZipDirectory(bytes);
  findings.push(...(await zipFindings(bytes, directory, verify)));
  const files = zipTree(bytes, directory);
  const { modules, base } = await readModules(files, findings);
  if (!base && !files.has(`${BASE}/manifest/AndroidManifest.xml`)) {
    findings.push(finding("validation.manifest_missing", "The bundle has no manifest of a base module."));
  }
  const resourcesFile = files.get(`${BASE}/resources.pb`);
  const resources =
    resourcesFile &&
    (await readPart(findings, async () => readProtoResources(await resourcesFile.read(MAX_RESOURCES_BYTES))));
  const app = base && (await readApp(base, resources, within(files, `${BASE}/`), findings));
  const { abis, runsOn } = nativeAbis(files.keys(), `${BASE}/`);
  const isSound = !findings.some(({ severity }) => severity === "error");
  const signed = await verifyBundle(bytes, directory, verify && isSound, nowMs, findings);
  const { v4_signature: _, ...signature } = signatureFacts(signed);
  return {
    facts: {
      ...app?.manifest.facts,
      icon: app?.iconPath ?? null,
      architectures: abis,
      modules,
      bundletool: await bundletoolVersion(files, findings),
      ...signature,
    },
    identity: appIdentity(app?.manifest, signersOf(signed)),
    findings,
    runsOn,
    ...(app?.icon && { icon: app.icon }),
  };
};

/** The files below a folder, by their paths in it. */
function within(files: FileTree, folder: string): FileTree {
  return new Map(
    [...files].flatMap(([path, file]) =>
      path.startsWith(folder) ? [[path.slice(folder.length), file] as const] : [],
    ),
  );
}

/** `BundleConfig`: bundletool is field 1, its version field 2. */
async function bundletoolVersion(files: FileTree, findings: Finding[]): Promise<string | null> {
  const file = files.get(CONFIG);
  if (!file) return null;
  const version = await readPart(findings, async () => {
    const tool = protobufBytes(await file.read(MAX_CONFIG_BYTES), 1, CONFIG);
    return tool && protobufBytes(tool, 2, CONFIG);
  });
  return version ? textOf(version) : null;
}
