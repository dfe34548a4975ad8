import { basename, resolve } from "node:path";

import { type InspectedFile, inspectFile } from "../../registry/inspect-file.ts";
import { guessPlatform } from "../../registry/manifest/guess-platform.ts";
import { platforms } from "../../registry/manifest/vocabulary.ts";
import { naturalBytes } from "../../base/text.ts";
import { parseArchName } from "../arch-name.ts";
import type { Run } from "../command.ts";
import { cliErrors } from "../errors.ts";
import { say } from "../escape.ts";
import { fileSource } from "../../registry/file-source.ts";
import type { inspect } from "../specs/tools.ts";
import { fields } from "../table.ts";

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
  const { inspection, ...digests } = await inspectFile(path, {
    platform,
    arch: parseArchName(options.arch),
    format: options.format,
    filename,
    contentType: options.contentType,
  });
  const result = {
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

interface Result {
  readonly filename: string;
  readonly platform: string;
  readonly arch: string;
  readonly format: string | null;
  readonly content_type: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly blake3: string;
  readonly validation_status: string;
  readonly facts: InspectedFile["inspection"]["facts"];
  readonly identity: InspectedFile["inspection"]["identity"];
  readonly findings: InspectedFile["inspection"]["findings"];
}

function inspectionText(result: Result): string {
  const facts = Object.entries(result.facts).map(
    ([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)] as const,
  );
  const findings = result.findings.map(
    ({ severity, message, code }) => say`${severity}: ${message} (${code})`,
  );
  return [
    fields([
      ["File", result.filename],
      ["Platform", result.platform],
      ["Arch", result.arch],
      ["Format", result.format],
      ["Content type", result.content_type],
      ["Size", naturalBytes(result.size_bytes)],
      ["SHA-256", result.sha256],
      ["BLAKE3", result.blake3],
      ["Checked", result.validation_status],
      ...facts,
    ]),
    ...findings,
  ].join("\n");
}
