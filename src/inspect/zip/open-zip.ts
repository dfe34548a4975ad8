import type { RandomAccess } from "../../base/random-access.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { readZipDirectory, type ZipDirectory } from "./zip-directory.ts";
import { zipFindings } from "./zip-findings.ts";

/**
 * The directory of a file that is to be a zip archive, or undefined where it cannot be read; what is wrong with it, and what is unusual
 * about the archive, is added to `findings`. Raises what reading the bytes raises.
 */
export async function openZip(
  bytes: RandomAccess,
  verify: boolean,
  findings: Finding[],
): Promise<ZipDirectory | undefined> {
  const directory = await readPart(findings, () => readZipDirectory(bytes));
  if (directory !== undefined) findings.push(...(await zipFindings(bytes, directory, verify)));
  return directory;
}
