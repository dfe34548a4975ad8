import { androidVersion, previewApiLevel } from "./android-versions.ts";
import { deepLinks } from "./deep-links.ts";
import type { ManifestElement } from "./manifest-tree.ts";
import { type Resources, resolveBoolean, resolveNumber, resolveText } from "./resources.ts";

const MAX_PERMISSIONS = 100;
const MAX_FEATURES = 50;

/** What a manifest says about its app, its references resolved. */
export interface AndroidManifest {
  readonly packageName: string | null;
  readonly versionName: string | null;
  /** With `versionCodeMajor` in the upper 32 bits, decimal. */
  readonly versionCode: string | null;
  readonly label: string | null;
  /** API levels; the lowest is 1 where the manifest is silent, as for Android. */
  readonly minSdk: number;
  readonly targetSdk: number;
  readonly targetSandbox: number;
  readonly isDebuggable: boolean;
  readonly isTestOnly: boolean;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Reads what people and checks want to know out of a manifest's tree. Throws `UnreadableError` where a resource is damaged. */
export function readAndroidManifest(
  root: ManifestElement,
  resources: Resources | undefined,
): AndroidManifest {
  const text = (element: ManifestElement | undefined, name: string) =>
    resolveText(element?.attributes.get(name), resources);
  const flag = (element: ManifestElement | undefined, name: string) =>
    resolveBoolean(element?.attributes.get(name), resources) ?? false;
  const sdk = (name: string) => sdkLevel(child(root, "uses-sdk"), name, resources);
  const application = child(root, "application");
  const minSdk = sdk("android:minSdkVersion") ?? 1;
  const targetSdk = sdk("android:targetSdkVersion") ?? minSdk;
  const maxSdk = sdk("android:maxSdkVersion");
  const packageName = text(root, "package");
  const versionName = text(root, "android:versionName");
  const versionCode = versionCodeOf(root, resources);
  const label = text(application, "android:label");
  const isDebuggable = flag(application, "android:debuggable");
  const isTestOnly = flag(application, "android:testOnly");
  return {
    packageName,
    versionName,
    versionCode,
    label,
    minSdk,
    targetSdk,
    targetSandbox: resolveNumber(root.attributes.get("android:targetSandboxVersion"), resources) ?? 1,
    isDebuggable,
    isTestOnly,
    facts: {
      package: packageName,
      version_name: versionName,
      version_code: versionCode,
      label,
      min_os: androidVersion(minSdk),
      min_sdk: minSdk,
      target_sdk: targetSdk,
      max_sdk: maxSdk ?? null,
      compile_sdk: resolveNumber(root.attributes.get("android:compileSdkVersion"), resources),
      permissions: permissions(root, resources, minSdk),
      ...features(root, resources),
      deep_links: application ? deepLinks(application, resources) : [],
      debuggable: isDebuggable,
      test_only: isTestOnly,
      split: text(root, "split"),
    },
  };
}

function child(element: ManifestElement, name: string): ManifestElement | undefined {
  return element.children.find((one) => one.name === name);
}

function sdkLevel(
  usesSdk: ManifestElement | undefined,
  name: string,
  resources: Resources | undefined,
): number | undefined {
  const value = usesSdk?.attributes.get(name);
  const codename = resolveText(value, resources);
  if (codename === null) return resolveNumber(value, resources) ?? undefined;
  return /^\d{1,5}$/.test(codename) ? Number(codename) : previewApiLevel(codename);
}

function versionCodeOf(root: ManifestElement, resources: Resources | undefined): string | null {
  const code = resolveNumber(root.attributes.get("android:versionCode"), resources);
  const major = resolveNumber(root.attributes.get("android:versionCodeMajor"), resources) ?? 0;
  return code === null ? null : String((BigInt(major) << 32n) + BigInt(code));
}

/** Permissions asked for on some device that the app can be installed on, in the manifest's order. */
function permissions(root: ManifestElement, resources: Resources | undefined, minSdk: number): string[] {
  const asked = new Set<string>();
  for (const { name, attributes } of root.children) {
    if (name !== "uses-permission" && name !== "uses-permission-sdk-23") continue;
    const maxSdk = resolveNumber(attributes.get("android:maxSdkVersion"), resources);
    const permission = resolveText(attributes.get("android:name"), resources);
    const isNeverAsked = maxSdk !== null && maxSdk < minSdk;
    if (permission !== null && !isNeverAsked && asked.size < MAX_PERMISSIONS) asked.add(permission);
  }
  return [...asked];
}

function features(root: ManifestElement, resources: Resources | undefined): Record<string, string[]> {
  const required = new Set<string>();
  const optional = new Set<string>();
  for (const { name, attributes } of root.children) {
    const feature = resolveText(attributes.get("android:name"), resources);
    if (name !== "uses-feature" || feature === null) continue;
    const isRequired = resolveBoolean(attributes.get("android:required"), resources) ?? true;
    const into = isRequired ? required : optional;
    if (into.size < MAX_FEATURES) into.add(feature);
  }
  return { features: [...required], optional_features: [...optional] };
}
