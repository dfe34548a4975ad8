import { finding } from "./findings.ts";
import type { Finding } from "./inspection.ts";

/**
 * Why bytes cannot be read as what they should be: `truncated` (the file ends before what it announces), `damaged` (a part of it
 * contradicts itself), `broken` (so does the part that says where all others are), `corrupt` (packed data do not unpack, or to others than
 * their checksum says), `limit` (it may be sound, but asks for more than is read here), `unsupported` (a form that is not read here).
 */
export type UnreadableReason = "truncated" | "damaged" | "broken" | "corrupt" | "limit" | "unsupported";

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
  broken: "validation.unreadable",
  corrupt: "validation.corrupt_data",
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

/**
 * Reads the part of a file without which nothing finds the others. Damage there is `broken`, where the file `isOne` of its format to
 * begin with: a few bytes at its start make none.
 */
export async function readWhole<T>(isOne: boolean, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isOne || !(error instanceof UnreadableError) || error.reason !== "damaged") throw error;
    throw new UnreadableError("broken", error.message, error.where);
  }
}

/**
 * `readPart` of what a signature is, or of what it is over: where that is cut off or damaged, the signature does not hold, which
 * `invalid` makes a finding of.
 */
export async function readSigned<T>(
  findings: Finding[],
  invalid: (message: string) => Finding,
  read: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const isDamage = error instanceof UnreadableError && harmful.has(error.reason);
    findings.push(isDamage ? invalid(error.message) : unreadableFinding(error));
    return undefined;
  }
}

const harmful: ReadonlySet<UnreadableReason> = new Set(["truncated", "damaged", "broken", "corrupt"]);
