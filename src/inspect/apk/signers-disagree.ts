import type { X509Certificate } from "node:crypto";

import type { ApkSignature } from "./apk-signature.ts";

/**
 * Why the signatures of an APK's schemes are not the same signers', a sentence; null when they are. Each Android looks at one scheme only: were
 * they others', an update on a newer Android would be another app. A signer that took over by rotation goes with the first of its history.
 */
export function signersDisagree(signatures: readonly ApkSignature[]): string | null {
  const [v1, v2, v3, v31] = (["v1", "v2", "v3", "v3.1"] as const).map((scheme) =>
    signatures.find((one) => one.scheme === scheme),
  );
  if (v1 && v2 && !areSame(certificatesOf(v1), certificatesOf(v2))) {
    return "The signatures of schemes v1 and v2 are different signers'.";
  }
  const old = v1 ?? v2;
  const rotated = v3 ?? v31;
  if (old && rotated && !isFirst(certificatesOf(old), rotated)) {
    return `The signature of scheme ${rotated.scheme} is not by the signer of scheme ${old.scheme}, nor by one that took over from it.`;
  }
  if (v3 && v31 && !isTakenOver(v3, v31)) {
    return "The signature of scheme v3.1 is not by the signer of scheme v3, nor by one that took over from it.";
  }
  return null;
}

function certificatesOf({ signers }: ApkSignature): X509Certificate[] {
  return signers.map(({ certificate }) => certificate);
}

function areSame(a: readonly X509Certificate[], b: readonly X509Certificate[]): boolean {
  return a.every((one) => includes(b, one)) && b.every((one) => includes(a, one));
}

/** The longest history of the scheme's signers, or their one certificate. */
function historyOf(signature: ApkSignature): readonly X509Certificate[] {
  return (
    signature.signers.findLast(({ rotation }) => rotation)?.rotation?.certificates ??
    certificatesOf(signature)
  );
}

function isFirst(old: readonly X509Certificate[], signature: ApkSignature): boolean {
  const first = historyOf(signature)[0];
  return old.length === 1 && first !== undefined && includes(old, first);
}

function isTakenOver(v3: ApkSignature, v31: ApkSignature): boolean {
  const history = historyOf(v31);
  return certificatesOf(v3).every((certificate) => includes(history, certificate));
}

function includes(certificates: readonly X509Certificate[], wanted: X509Certificate): boolean {
  return certificates.some(({ raw }) => raw.equals(wanted.raw));
}
