import type { BundleCodeOptions } from "../apple/bundle-code.ts";
import { bundleInfo } from "../apple/bundle-info.ts";
import { codeFacts, type CodeReport, isHardened } from "../apple/inspect-code.ts";
import { inspectProgram } from "../apple/inspect-program.ts";
import { openTreeFile } from "../apple/streamed-access.ts";
import { readUpTo } from "../bytes.ts";
import type { FileTree, TreeFile } from "../file-tree.ts";
import { finding } from "../findings.ts";
import { type FormatReport, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { archesOf } from "../macho/cpu-types.ts";
import { isMachO } from "../macho/read-macho.ts";
import { readPart } from "../unreadable.ts";

/** So many files are looked into for programs, and so many programs are shown. */
const MAX_LOOKED_AT = 100;
const MAX_PROGRAMS = 10;

interface Tool {
  readonly path: string;
  readonly report: CodeReport;
  readonly identifier: string | null;
  readonly version: string | null;
}

/** The command-line programs for macOS at the root of an archive or one folder down. Facts: `programs`. */
export async function inspectTools(tree: FileTree, options: BundleCodeOptions): Promise<FormatReport> {
  const findings: Finding[] = [];
  const tools: Tool[] = [];
  const near = [...tree.values()].filter(
    ({ path, linkTarget }) => path.split("/").length <= 2 && linkTarget === null,
  );
  for (const file of near.slice(0, MAX_LOOKED_AT)) {
    if (tools.length === MAX_PROGRAMS) break;
    const tool = await readPart(findings, () => inspectTool(file, options, findings));
    if (tool !== undefined) tools.push(tool);
  }
  const [first] = tools;
  if (first === undefined) {
    const message = "The archive has no app and no program for macOS at its root or one folder down.";
    return {
      facts: {},
      identity: noIdentity,
      findings: [...findings, finding("validation.app_missing", message)],
    };
  }
  return {
    facts: {
      programs: tools.map(({ path, report, identifier, version }) => {
        const { certificates: _, ...facts } = codeFacts(report, options.verify);
        return { path, identifier, version, ...facts, hardened_runtime: isHardened(report) };
      }),
      certificates: codeFacts(first.report, options.verify)["certificates"],
    },
    identity: {
      id: first.identifier,
      version: first.version,
      build: null,
      label: null,
      signers: first.report.signers,
    },
    findings,
    runsOn: archesOf(first.report.programs.map(({ slice }) => slice.cpu)),
  };
}

async function inspectTool(
  file: TreeFile,
  options: BundleCodeOptions,
  findings: Finding[],
): Promise<Tool | undefined> {
  if (!(await looksLikeProgram(file))) return undefined;
  const report = await inspectProgram(file, options, findings);
  const [program] = report.programs;
  findings.push(...report.findings);
  if (report.programs.some(({ slice, signature }) => slice.signature === null || signature?.cms === null)) {
    const isAdHoc = report.programs.every(({ slice }) => slice.signature !== null);
    const message = isAdHoc
      ? "The program has a signature that names nobody (ad hoc)."
      : "Nobody has signed the program.";
    findings.push(finding("validation.unsigned", message, undefined, file.path));
  }
  const info = report.ownInfo;
  const about = bundleInfo(info ?? new Map());
  return {
    path: file.path,
    report,
    identifier: about.id ?? program?.signature?.directories[0].identifier ?? null,
    version: about.version,
  };
}

async function looksLikeProgram(file: TreeFile): Promise<boolean> {
  const bytes = await openTreeFile(file);
  try {
    return isMachO(await readUpTo(bytes, 0, 8));
  } finally {
    await bytes.close();
  }
}
