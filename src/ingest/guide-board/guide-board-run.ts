import { runErrors } from "../errors.ts";
import type { ScannedDirectory, ScannedFile } from "../scan-directory.ts";
import { type Counts, type CountStatement, countsDiffer, countsIn, reconcileCounts } from "./counts.ts";
import { profileAt, sourceCommits, textFact } from "./facts.ts";
import { readDocument, type RunDocument } from "./read-document.ts";
import { type ReportPaths, reportPaths } from "./report-paths.ts";
import { noTests, readTestReport, type TestCounts, type TestReport, testsIn } from "./test-reports.ts";

/** What a run of a guide board says about itself; null for what it does not say. */
export interface GuideBoardFacts {
  readonly run_id: string | null;
  readonly target_profile: string | null;
  readonly assessment_profile: string | null;
  readonly evidence_result_counts: Counts | null;
  readonly finding_counts: Counts | null;
  readonly source_commits: Readonly<Record<string, string>> | null;
  readonly reports: ReportPaths;
}

export interface GuideBoardRun {
  readonly facts: GuideBoardFacts;
  /** SHA-256 of what was read for them, by path: what is stored must be the same. */
  readonly read: ReadonlyMap<string, string>;
}

/** The documents that are read, at the top of the run or in `reports/`. */
const DOCUMENT = /^(?:reports\/)?(?:run|summary|results|findings|scorecard|log[-_]review)\.(?:json|ya?ml)$/;
/** JUnit reports: by their name outside of `raw/`, or by the directory. */
const TEST_REPORT = /^(?!raw\/)(?:.*\/)?TEST-[^/]*\.xml$|^(?:junit|results)\/.*\.xml$/;

/**
 * Reads what a run says about itself; `docs/guide/guide-board.md` fixes the shape. Whatever is missing is left out; whatever contradicts
 * something else is refused. Raises `run.*`, and what `fileSource` raises.
 */
export async function readGuideBoardRun(
  directory: string,
  scanned: ScannedDirectory,
  signal?: AbortSignal,
): Promise<GuideBoardRun> {
  const documents = await readAll(scanned.files, DOCUMENT, signal, (file) => readDocument(directory, file));
  const tests = await readAll(scanned.files, TEST_REPORT, signal, (file) =>
    readTestReport(directory, file, signal),
  );
  const facts = {
    run_id: textFact(documents, "run_id"),
    target_profile: textFact(documents, "target_profile", profileAt),
    assessment_profile: textFact(documents, "assessment_profile", profileAt),
    evidence_result_counts: evidenceResultCounts(documents, tests),
    finding_counts: reconcileCounts(
      documents.flatMap((document) =>
        countsIn(document, {
          key: "findings",
          countsKey: "finding_counts",
          by: "severity",
          isList: isCalled(document, "findings"),
        }),
      ),
    ),
    source_commits: sourceCommits(documents),
    reports: reportPaths(documents, scanned),
  };
  requireRun(directory, facts);
  return { facts, read: new Map([...documents, ...tests].map(({ file, sha256 }) => [file, sha256])) };
}

async function readAll<T>(
  files: readonly ScannedFile[],
  pattern: RegExp,
  signal: AbortSignal | undefined,
  read: (file: ScannedFile) => Promise<T | null>,
): Promise<T[]> {
  const found: T[] = [];
  for (const file of files) {
    if (!pattern.test(file.path)) continue;
    signal?.throwIfAborted();
    const value = await read(file);
    if (value !== null) found.push(value);
  }
  return found;
}

/** A run's evidence results are the outcomes of its test cases: what documents count is held against the reports. */
function evidenceResultCounts(
  documents: readonly RunDocument[],
  tests: readonly TestReport[],
): Counts | null {
  const statements = documents.flatMap((document) =>
    countsIn(document, {
      key: "evidence_results",
      countsKey: "evidence_result_counts",
      by: "status",
      isList: isCalled(document, "results"),
    }),
  );
  const said = reconcileCounts(statements);
  if (tests.length === 0) return said;
  const counted = sumOf(tests);
  if (said === null) return { ...counted, total: testsIn(counted) };
  requireSameTests(statements, said, counted, tests);
  return said;
}

/** Every count that a document names must be that of the test cases. */
function requireSameTests(
  statements: readonly CountStatement[],
  said: Counts,
  counted: TestCounts,
  tests: readonly TestReport[],
): void {
  const all: Counts = { ...counted, total: testsIn(counted) };
  // Who does not tell errors from failures counts them as failures.
  const failed = Object.hasOwn(said, "errors") ? counted.failed : counted.failed + counted.errors;
  const expected: Counts = { ...all, failed };
  const [only] = tests;
  const place = { file: tests.length === 1 ? only!.file : "the JUnit reports", key: "test cases" };
  for (const statement of statements) {
    for (const [name, count] of [...statement.named, ["total", statement.total] as const]) {
      if (count === null || !Object.hasOwn(expected, name) || expected[name] === count) continue;
      throw countsDiffer(name, { count, place: statement.place }, { count: expected[name]!, place });
    }
  }
}

function sumOf(tests: readonly TestReport[]): TestCounts {
  const sum = noTests();
  for (const { counts } of tests) {
    for (const outcome of Object.keys(sum) as (keyof TestCounts)[]) sum[outcome] += counts[outcome];
  }
  return sum;
}

function isCalled({ file }: RunDocument, stem: string): boolean {
  return file.replace(/^reports\//, "").startsWith(`${stem}.`);
}

/** Somebody who names the wrong directory should hear of it before it is kept for years. */
function requireRun(directory: string, facts: GuideBoardFacts): void {
  const { reports, ...others } = facts;
  if (Object.keys(reports).length > 0 || Object.values(others).some((fact) => fact !== null)) return;
  throw runErrors.error(
    "run.not_a_run",
    `${directory} says nothing that a run says: no run.json or run.yaml, no test report, no scorecard.`,
    {
      details: { path: directory },
      hint: "Name the run's own directory; without --profile any directory is taken.",
    },
  );
}
