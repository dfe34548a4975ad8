import { UnreadableError } from "../unreadable.ts";

/** A value as a compiled manifest has it. */
export type ManifestValue =
  | { readonly kind: "text"; readonly text: string }
  /** Integers, and booleans as 0 or not 0. Unsigned, 32 bits. */
  | { readonly kind: "number"; readonly number: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** `@0x7f010001`: the value stands in the resources. */
  | { readonly kind: "reference"; readonly id: number }
  /** A kind that no attribute read here has. */
  | { readonly kind: "other" };

export interface ManifestElement {
  readonly name: string;
  /** By `android:name` for the framework's attributes, `package` for those of no namespace. */
  readonly attributes: ReadonlyMap<string, ManifestValue>;
  readonly children: readonly ManifestElement[];
}

/** The namespaces whose attributes are kept by name, and what they are kept with. */
const prefixes: ReadonlyMap<string, string> = new Map([
  ["http://schemas.android.com/apk/res/android", "android:"],
  ["http://schemas.android.com/apk/distribution", "dist:"],
]);

/** Real manifests are some five deep; each level is a step of recursion wherever the tree is walked. */
const MAX_DEPTH = 32;
/** The largest apps have some thousand. */
const MAX_ELEMENTS = 50_000;
const MAX_ATTRIBUTES = 500_000;

/** Counts what is read of one manifest. */
export class ElementBudget {
  readonly #where: string;
  #elements = 0;
  #attributes = 0;

  /** `where` names the manifest in errors. */
  constructor(where: string) {
    this.#where = where;
  }

  /** Counts an element; the root's depth is 1. Throws `UnreadableError` (`limit`) where it is one too many or too deep. */
  takeElement(depth: number): void {
    this.#elements += 1;
    if (depth > MAX_DEPTH || this.#elements > MAX_ELEMENTS) throw this.#spent();
  }

  /** Counts attributes, those too that are not kept. Throws `UnreadableError` (`limit`) beyond what is read. */
  takeAttributes(count: number): void {
    this.#attributes += count;
    if (this.#attributes > MAX_ATTRIBUTES) throw this.#spent();
  }

  #spent(): UnreadableError {
    const message = `The ${this.#where} has more or deeper elements than are read.`;
    return new UnreadableError("limit", message, this.#where);
  }
}

/**
 * Android finds attributes by these numbers and not by their names, which a packer may have changed or removed: what is shown here must
 * be what the device reads. From `android.R.attr`.
 */
const attributeIds: ReadonlyMap<number, string> = new Map([
  [0x01010001, "android:label"],
  [0x01010002, "android:icon"],
  [0x01010003, "android:name"],
  [0x0101000f, "android:debuggable"],
  [0x01010027, "android:scheme"],
  [0x01010028, "android:host"],
  [0x01010029, "android:port"],
  [0x0101020c, "android:minSdkVersion"],
  [0x0101021b, "android:versionCode"],
  [0x0101021c, "android:versionName"],
  [0x01010270, "android:targetSdkVersion"],
  [0x01010271, "android:maxSdkVersion"],
  [0x01010272, "android:testOnly"],
  [0x0101028e, "android:required"],
  [0x0101054c, "android:targetSandboxVersion"],
  [0x01010572, "android:compileSdkVersion"],
  [0x01010576, "android:versionCodeMajor"],
]);

/**
 * The name an attribute is kept under, or undefined for one that is not read. `resourceId` is 0 where the file gives none: then it is
 * no framework attribute, whatever it is called, unless `trustName` says that names count there (bundles, which are compiled later).
 */
export function attributeName(
  resourceId: number,
  namespace: string,
  name: string,
  trustName = false,
): string | undefined {
  if (resourceId !== 0) return attributeIds.get(resourceId);
  if (namespace === "") return name;
  const prefix = trustName ? prefixes.get(namespace) : undefined;
  return prefix === undefined ? undefined : prefix + name;
}
