import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { UnreadableError, unreadableFinding } from "../unreadable.ts";
import { BombError } from "./unpack-budget.ts";

/**
 * `readPart` for packed data: bombs have a code of their own. `where` names the part of the file.
 */
export async function readPacked<T>(
  findings: Finding[],
  where: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    findings.push(packedFinding(error, where));
    return undefined;
  }
}

/** The finding for an `UnreadableError` from packed data; any other error is thrown on. */
export function packedFinding(error: unknown, where: string): Finding {
  if (error instanceof BombError) {
    return finding("validation.unpack_bomb", error.message, { packed_bytes: error.packedBytes }, where);
  }
  const isPlaced = !(error instanceof UnreadableError) || error.where !== undefined;
  return unreadableFinding(isPlaced ? error : new UnreadableError(error.reason, error.message, where));
}
