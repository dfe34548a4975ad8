import { basename, resolve } from "node:path";

import { inspectFacts, inspectFile } from "../../registry/inspect-file.ts";
import { guessPlatform } from "../../registry/manifest/guess-platform.ts";
import { platforms } from "../../registry/manifest/vocabulary.ts";
import { parseArchName } from "../arch-name.ts";
import type { Run } from "../command.ts";
import { cliErrors } from "../errors.ts";
import { say } from "../escape.ts";
import { fileSource } from "../../registry/file-source.ts";
import { type InspectResult, inspectionText } from "../inspection-text.ts";
import type { inspect } from "../specs/tools.ts";

export const run: Run<typeof inspect> = async ({ output, directory }, { args, options }) => {
  const { path } = await fileSource(resolve(directory, args.file));
  const filename = options.filename ?? basename(path);
  const platform = options.platform ?? guessPlatform(filename);
  if (platform === undefined) {
    throw cliErrors.error(
      "usage.missing_option",
      say`The name ${filename} does not tell what the file is for.`,
      {
        hint: `Give --platform with one of ${platforms.join(", ")}.`,
      },
    );
  }
  const declared = {
    platform,
    arch: parseArchName(options.arch),
    format: options.format,
    filename,
    contentType: options.contentType,
  };
  const none = { sha256: null, blake3: null };
  const { inspection, ...digests } = options.factsOnly
    ? { ...(await inspectFacts(path, declared)), ...none }
    : await inspectFile(path, declared);
  const result: InspectResult = {
    filename,
    platform,
    arch: inspection.arch,
    format: inspection.format,
    content_type: inspection.contentType,
    size_bytes: digests.size_bytes,
    sha256: digests.sha256,
    blake3: digests.blake3,
    validation_status: inspection.status,
    facts: inspection.facts,
    identity: inspection.identity,
    findings: inspection.findings,
  };
  output.result(result, () => inspectionText(result));
  return inspection.status === "failed" ? "invalid" : undefined;
};
