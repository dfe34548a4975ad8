import type { JarSection } from "./jar-manifest.ts";

export interface NamedDigest {
  /** As `node:crypto` calls it. */
  readonly algorithm: "sha512" | "sha384" | "sha256" | "sha1" | "md5";
  readonly digest: Buffer;
}

/** Android 4.3 and later take the strongest there is of these; earlier ones the first that `Digest-Algorithms` names. */
const JELLY_BEAN_MR2 = 18;
const strongestFirst = [
  ["sha-512", "sha512"],
  ["sha-384", "sha384"],
  ["sha-256", "sha256"],
  ["sha1", "sha1"],
] as const;

/** What the old ones know, and from which API level on. */
const oldNames: ReadonlyMap<string, readonly [NamedDigest["algorithm"], sinceSdk: number]> = new Map([
  ["md5", ["md5", 0]],
  ["sha", ["sha1", 0]],
  ["sha1", ["sha1", 0]],
  ["sha-1", ["sha1", 0]],
  ["sha-256", ["sha256", 0]],
  ["sha-384", ["sha384", 9]],
  ["sha-512", ["sha512", 9]],
]);

/**
 * The digests of a section that some Android from `minSdk` on looks at: `suffix` is `-digest`, `-digest-manifest` or another. None when
 * one of them finds none that it knows.
 */
export function digestsToVerify(section: JarSection, suffix: string, minSdk: number): readonly NamedDigest[] {
  const digests: NamedDigest[] = [];
  if (minSdk < JELLY_BEAN_MR2) {
    const old = oldDigest(section, suffix, minSdk);
    if (!old) return [];
    digests.push(old);
  }
  for (const [name, algorithm] of strongestFirst) {
    const value = section.attributes.get(name + suffix);
    if (value === undefined) continue;
    const digest = Buffer.from(value, "base64");
    const isThere = digests.some((one) => one.algorithm === algorithm && one.digest.equals(digest));
    if (!isThere) digests.push({ algorithm, digest });
    break;
  }
  return digests;
}

function oldDigest(section: JarSection, suffix: string, minSdk: number): NamedDigest | undefined {
  const names = (section.attributes.get("digest-algorithms") ?? "SHA SHA1").toLowerCase();
  for (const name of names.split(/\s+/, MAX_NAMES)) {
    const value = section.attributes.get(name + suffix);
    const known = oldNames.get(name);
    if (value === undefined || !known || known[1] > minSdk) continue;
    return { algorithm: known[0], digest: Buffer.from(value, "base64") };
  }
  return undefined;
}

/** There are no more algorithms than these. */
const MAX_NAMES = 20;
