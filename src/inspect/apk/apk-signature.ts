import type { X509Certificate } from "node:crypto";

import type { JarVerification } from "./jar-signature.ts";
import type { Rotation } from "./rotation.ts";
import type { BlockScheme, SchemeSignature } from "./scheme-signature.ts";

export interface ApkSigner {
  readonly certificate: X509Certificate;
  readonly rotation: Rotation | null;
}

/** The signature of one scheme, of whatever kind. */
export interface ApkSignature {
  /** `jar` for a bundle, whose JAR signature is none of an APK's schemes. */
  readonly scheme: "v1" | "jar" | BlockScheme;
  /** Null when the file was not read for it. */
  readonly verified: boolean | null;
  readonly algorithms: readonly string[];
  /** Of the content, in hex, by kind; none in v1, which has one for each entry. */
  readonly digests: Readonly<Record<string, string>>;
  /** By the API levels that they are for, the lowest first. */
  readonly signers: readonly ApkSigner[];
  /** Entries that it does not cover. */
  readonly unprotected: readonly string[];
}

export function signatureOfScheme({ scheme, signers, verified }: SchemeSignature): ApkSignature {
  const sorted = signers.toSorted((a, b) => a.minSdk - b.minSdk);
  return {
    scheme,
    verified,
    algorithms: [...new Set(signers.flatMap(({ algorithms }) => algorithms))],
    digests: Object.fromEntries(
      signers.flatMap(({ digests }) =>
        digests.map(({ content, digest }) => [content, digest.toString("hex")]),
      ),
    ),
    signers: sorted.flatMap(({ certificates, rotation }) =>
      certificates[0] ? [{ certificate: certificates[0], rotation }] : [],
    ),
    unprotected: [],
  };
}

export function signatureOfJar(
  { signers, unprotected }: JarVerification,
  verified: boolean | null,
  scheme: "v1" | "jar" = "v1",
): ApkSignature {
  return {
    scheme,
    verified,
    algorithms: [],
    digests: {},
    signers: signers.flatMap(({ certificates }) =>
      certificates[0] ? [{ certificate: certificates[0], rotation: null }] : [],
    ),
    unprotected,
  };
}
