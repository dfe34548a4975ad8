import { finding } from "./findings.ts";
import type { Finding } from "./inspection.ts";

/**
 * Why bytes cannot be read as what they should be: `truncated` (the file ends before what it announces), `damaged` (it
 * contradicts itself), `limit` (it may be sound, but asks for more than is read here), `unsupported` (a form that is not read here).
 */
export type UnreadableReason = "truncated" | "damaged" | "limit" | "unsupported";

/** Thrown while a file is read and caught before inspection answers: a bad file is a finding there. */
export class UnreadableError extends Error {
  readonly reason: UnreadableReason;
  /** The part of the file that it is about. */
  readonly where: string | undefined;

  /** `message` is a sentence for people. */
  constructor(reason: UnreadableReason, message: string, where?: string) {
    super(message);
    this.name = "UnreadableError";
    this.reason = reason;
    this.where = where;
  }
}

const codes = {
  truncated: "validation.truncated",
  damaged: "validation.damaged",
  limit: "validation.limit",
  unsupported: "validation.unsupported",
} as const;

/** The finding for an `UnreadableError`; any other error is thrown on. */
export function unreadableFinding(error: unknown): Finding {
  if (!(error instanceof UnreadableError)) throw error;
  return finding(codes[error.reason], error.message, undefined, error.where);
}

/**
 * The result of reading one part of a file, or undefined when it cannot be read: the finding about that is added to
 * `findings`, so that the other parts are still looked at.
 */
export async function readPart<T>(findings: Finding[], read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    findings.push(unreadableFinding(error));
    return undefined;
  }
}
