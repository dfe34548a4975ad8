import { type FormatReader, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { checkContents } from "./check-contents.ts";
import { openZip } from "./open-zip.ts";

/**
 * A zip archive of anything. Facts: `entries`, `unpacked_bytes`, `top_level` (names at its root, at most 20); with `verify` also
 * `contents_verified`.
 */
export const readZip: FormatReader = async ({ bytes, verify }) => {
  const findings: Finding[] = [];
  const directory = await openZip(bytes, verify, findings);
  if (directory === undefined) return { facts: {}, identity: noIdentity, findings };
  const { entries } = directory;
  const roots = new Set(entries.map(({ name }) => name.split("/", 1)[0]!));
  // What a bomb holds is not unpacked.
  const isSound = !findings.some(({ severity }) => severity === "error");
  const contents = verify && isSound ? await checkContents(bytes, entries) : undefined;
  return {
    facts: {
      entries: entries.length,
      unpacked_bytes: entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      top_level: [...roots].slice(0, MAX_ROOTS),
      ...(contents && { contents_verified: contents.isVerified }),
    },
    identity: noIdentity,
    findings: [...findings, ...(contents?.findings ?? [])],
  };
};

const MAX_ROOTS = 20;
