import type { TreeFile } from "../file-tree.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { type CodeOptions, type CodeReport, inspectCode } from "./inspect-code.ts";
import { openTreeFile } from "./streamed-access.ts";

/** A signature stands at a program's end. Without `verify` only so much is unpacked to get there. */
const MAX_UNPACKED_WITHOUT_VERIFY = 24 * 1024 * 1024;

/**
 * `inspectCode` for a program in an archive. Without `verify` the signature of a large packed one is not read, which is added to
 * `findings`. Throws `UnreadableError`.
 */
export async function inspectProgram(
  file: TreeFile,
  options: Omit<CodeOptions, "where" | "headersOnly">,
  findings: Finding[],
): Promise<CodeReport> {
  const headersOnly =
    !options.verify && file.access === undefined && file.sizeBytes > MAX_UNPACKED_WITHOUT_VERIFY;
  if (headersOnly) {
    const message = `${file.path} is packed, and its signature is at its end: it is read only when signatures are verified.`;
    findings.push(finding("validation.signature_not_read", message, undefined, file.path));
  }
  const bytes = await openTreeFile(file);
  try {
    return await inspectCode(bytes, { ...options, where: file.path, headersOnly });
  } finally {
    await bytes.close();
  }
}
