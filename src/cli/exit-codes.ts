import type { DistError, ErrorKind } from "../base/errors.ts";

/** Why the program ends: what was refused, or how it was stopped. */
export type ExitReason = ErrorKind | "usage" | "interrupted" | "terminated";

/** The one table from reason to exit code. */
export const exitCodes: Readonly<Record<ExitReason, number>> = {
  invalid: 1,
  unauthenticated: 1,
  denied: 1,
  not_found: 1,
  conflict: 1,
  gone: 1,
  too_large: 1,
  // A defect is reported like a refusal: a retry would meet it again.
  internal: 1,
  usage: 2,
  unavailable: 3,
  corrupt: 4,
  // 128 + the number of the signal, as shells report it.
  interrupted: 130,
  terminated: 143,
};

/** What the codes mean, for help and the reference. */
export const exitMeanings: Readonly<Record<number, string>> = {
  0: "done",
  1: "refused: invalid, denied, not found, conflict",
  2: "usage: the command line is wrong",
  3: "unavailable: worth a retry",
  4: "stored bytes or log found corrupt",
  130: "interrupted",
};

/** The reason that an error stands for: codes of the family `usage.*` are faults of the command line. */
export function exitReasonOf(error: DistError): ExitReason {
  return error.code.startsWith("usage.") ? "usage" : error.kind;
}
