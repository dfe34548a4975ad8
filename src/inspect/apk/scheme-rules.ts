import type { BlockScheme, SchemeSignature, SchemeSigner } from "./scheme-signature.ts";

const NEWEST_SDK = 0x7fffffff;

export interface SchemeProblem {
  /** A sentence without its subject, the signature; null when there is none. */
  readonly problem: string | null;
  readonly isStripped: boolean;
}

/**
 * What is wrong with the signers of a scheme, taken together and with the newer schemes that were found. `minSdk` is the oldest Android that
 * looks at this one.
 */
export function schemeProblem(
  scheme: BlockScheme,
  signers: readonly SchemeSigner[],
  minSdk: number,
  newer: readonly SchemeSignature[],
): SchemeProblem {
  const invalid = (problem: string | null) => ({ problem, isStripped: false });
  if (signers.length === 0) return invalid("it has no signer");
  const own = signers.find(({ problem }) => problem !== null)?.problem;
  if (own) return invalid(own);
  const stripped = strippedProblem(scheme, signers, newer);
  if (stripped !== null) return { problem: stripped, isStripped: true };
  if (scheme === "v2") return invalid(null);
  return invalid(rotationProblem(signers) ?? rangeProblem(scheme, signers, minSdk, newer));
}

/** v2 and v3 signatures say which newer one was made beside them, so that taking that away is noticed. */
function strippedProblem(
  scheme: BlockScheme,
  signers: readonly SchemeSigner[],
  newer: readonly SchemeSignature[],
): string | null {
  const isMissing = (wanted: BlockScheme) => !newer.some((one) => one.scheme === wanted);
  if (scheme === "v2" && isMissing("v3") && signers.some((one) => one.strippingProtection === 3)) {
    return "it was made together with one of scheme v3, which is gone";
  }
  if (scheme === "v3" && isMissing("v3.1") && signers.some((one) => one.rotationMinSdk !== null)) {
    return "it was made together with one of scheme v3.1, which is gone";
  }
  return null;
}

/** Each signer's proof of rotation holds and ends with its certificate. */
function rotationProblem(signers: readonly SchemeSigner[]): string | null {
  for (const { rotation, certificates } of signers) {
    if (!rotation) continue;
    if (rotation.problem !== null) return `its proof of rotation does not hold: ${rotation.problem}`;
    const last = rotation.certificates.at(-1);
    if (!last?.raw.equals(certificates[0]!.raw)) return "its proof of rotation is for another certificate";
  }
  return null;
}

/** Every Android finds one signer that is for it, and whoever signs for newer ones has the longer history of the same signers. */
function rangeProblem(
  scheme: BlockScheme,
  signers: readonly SchemeSigner[],
  minSdk: number,
  newer: readonly SchemeSignature[],
): string | null {
  const sorted = signers.toSorted((a, b) => a.minSdk - b.minSdk);
  const first = sorted[0]!;
  const last = sorted.at(-1)!;
  const rotated = scheme === "v3" ? newer.find((one) => one.scheme === "v3.1") : undefined;
  // Without knowing what that is for, nothing can be missed here.
  if (rotated && rotated.problem !== null) return null;
  const from = rotated ? Math.min(...rotated.signers.map((one) => one.minSdk)) : undefined;
  const isGapless = sorted.every((one, index) => index === 0 || one.minSdk === sorted[index - 1]!.maxSdk + 1);
  const begins = scheme === "v3.1" || first.minSdk <= minSdk;
  const ends = last.maxSdk >= (from === undefined ? NEWEST_SDK : from - 1);
  if (!isGapless || !begins || !ends) return "it leaves out some Android versions";
  if (
    from !== undefined &&
    signers.some(({ rotationMinSdk }) => rotationMinSdk !== null && rotationMinSdk !== from)
  ) {
    return "it names another Android version than the one from which on the signature of scheme v3.1 counts";
  }
  return isOneHistory(sorted) ? null : "its signers have different histories";
}

function isOneHistory(signers: readonly SchemeSigner[]): boolean {
  const histories = signers.flatMap(({ rotation }) => (rotation ? [rotation.certificates] : []));
  return histories.every((history, index) => {
    const before = histories[index - 1];
    return !before || before.every((certificate, at) => history[at]?.raw.equals(certificate.raw));
  });
}
