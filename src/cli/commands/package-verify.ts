import { stat } from "node:fs/promises";
import { resolve } from "node:path";

import { naturalBytes } from "../../base/text.ts";
import {
  MAX_MANIFEST_BYTES,
  type ReadManifest,
  readManifest,
} from "../../registry/packages/manifest-reader.ts";
import type { PackageVerifyReport } from "../../registry/records/packages.ts";
import { checkDirectory, checkFile } from "../check-files.ts";
import type { Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { cliErrors } from "../errors.ts";
import { counted, say } from "../escape.ts";
import { printReport } from "../print-report.ts";
import { readFileBytes } from "../read-text-file.ts";
import type { packageVerify } from "../specs/package.ts";
import { watchReport } from "../watch-report.ts";

export const run: Run<typeof packageVerify> = async (context, { args, options }) => {
  const report =
    options.manifest === undefined
      ? await verifyStored(context, args.package)
      : await verifyLocal(context, args.package, options.manifest);
  return printReport(context.output, expecting(report, options.manifestSha256), verifyText);
};

async function verifyStored(context: CommandContext, id: string): Promise<PackageVerifyReport> {
  if (!id.startsWith("pkg_")) {
    throw cliErrors.error("usage.missing_option", say`${id} is no package's id (pkg_…).`, {
      hint: "To check files on this machine, add --manifest FILE.",
    });
  }
  // A usage error comes before anything is opened.
  context.connection();
  const registry = await context.registry();
  return watchReport(context.output, context.signal, (watch) => registry.verifyPackage(id, watch));
}

async function verifyLocal(
  { output, directory, signal }: CommandContext,
  name: string,
  manifestName: string,
): Promise<PackageVerifyReport> {
  const manifestFile = resolve(directory, manifestName);
  const read = readManifest(await readFileBytes(manifestName, directory, MAX_MANIFEST_BYTES));
  const place = resolve(directory, name);
  const isDirectory = (await stat(place).catch(() => undefined))?.isDirectory() === true;
  const progress = output.progress(name, totalBytes(read));
  let hashedBytes = 0;
  const onBytes = (count: number) => progress.update((hashedBytes += count));
  try {
    return isDirectory
      ? await checkDirectory(place, read, { signal, onBytes, manifestFile })
      : await checkFile(place, read, { signal, onBytes });
  } finally {
    progress.end();
  }
}

function totalBytes({ manifest }: ReadManifest): number {
  return manifest.files.reduce((sum, { size }) => sum + size, 0);
}

/** A manifest that is not the one that was recorded elsewhere proves nothing about these files. */
function expecting(report: PackageVerifyReport, sha256: string | undefined): PackageVerifyReport {
  if (sha256 === undefined || sha256.toLowerCase() === report.manifest_sha256) return report;
  const problem = {
    code: "manifest.other",
    message: say`The manifest has the SHA-256 ${report.manifest_sha256 ?? "of none"}, not ${sha256}.`,
    target: "manifest",
  };
  return { ...report, ok: false, problems: [problem, ...report.problems] };
}

function verifyText({ ok, package_id: id, manifest_sha256: sha256, checked }: PackageVerifyReport): string {
  return [
    ok ? "Everything is as the manifest says." : "Something is not as the manifest says.",
    say`Checked ${counted(checked.files, "file")} of ${id ?? "-"}, ${naturalBytes(checked.bytes)}.`,
    say`The manifest's SHA-256 is ${sha256 ?? "-"}.`,
  ].join("\n");
}
