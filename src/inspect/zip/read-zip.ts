import { type FormatReader, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { readZipDirectory } from "./zip-directory.ts";
import { zipFindings } from "./zip-findings.ts";

/** A zip archive of anything. Facts: `entries`, `unpacked_bytes`, `top_level` (names at its root, at most 20). */
export const readZip: FormatReader = async ({ bytes, verify }) => {
  const findings: Finding[] = [];
  const directory = await readPart(findings, () => readZipDirectory(bytes));
  if (directory === undefined) return { facts: {}, identity: noIdentity, findings };
  const { entries } = directory;
  const roots = new Set(entries.map(({ name }) => name.split("/", 1)[0]!));
  return {
    facts: {
      entries: entries.length,
      unpacked_bytes: entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      top_level: [...roots].slice(0, MAX_ROOTS),
    },
    identity: noIdentity,
    findings: await zipFindings(bytes, directory, verify),
  };
};

const MAX_ROOTS = 20;
