import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A TCK's suite: how its test cases ended. */
export interface PilotSuite {
  readonly name: string;
  readonly passed: number;
  readonly failed?: number;
  readonly errors?: number;
  readonly skipped?: number;
}

export interface PilotRun {
  readonly runId?: string;
  readonly suites?: readonly PilotSuite[];
  /** Small files of raw output below `raw/`. */
  readonly rawFiles?: number;
  /** Written over, or besides, the run's own files; null leaves one out. */
  readonly files?: { readonly [path: string]: string | Uint8Array | null };
}

export const pilotSuites: readonly PilotSuite[] = [
  { name: "cmis-basics", passed: 41, skipped: 2 },
  { name: "cmis-query", passed: 27, failed: 1, errors: 1 },
  { name: "cmis-versioning", passed: 19, failed: 2, skipped: 1 },
];

/** The run's description, as the board writes it. */
export const pilotDescription = {
  run_id: "gb-2026-11-20-0741",
  target_profile: { id: "nemaki", version: "3.0.1" },
  assessment_profile: "cmis-tck-full",
  evidence_result_counts: { passed: 87, failed: 3, errors: 1, skipped: 3, total: 94 },
  source_commits: {
    nemaki: "4be07d19c2f0e5a1b7d3c8f6a90e2d4b5c6a7f80",
    "cmis-tck": "90c1aa35",
  },
  reports: { scorecard: "scorecard.json", log_review: "log-review.md" },
};

/**
 * Writes a run of a CMIS pilot: the TCK's reports in JUnit's form, findings, scorecard, log review and raw output. Nothing in it depends
 * on the time or the machine, so its digests are always the same.
 */
export async function writePilotRun(directory: string, run: PilotRun = {}): Promise<void> {
  const { runId = pilotDescription.run_id, suites = pilotSuites, rawFiles = 12, files = {} } = run;
  const all: { [path: string]: string | Uint8Array | null } = {
    "run.json": json({ ...pilotDescription, run_id: runId }),
    "findings.json": json([
      { id: "F-1", severity: "high", title: "A checked-in version loses its comment" },
      { id: "F-2", severity: "medium", title: "Paging past the end answers an error" },
      { id: "F-3", severity: "medium", title: "A query with IN_TREE() takes 9 s" },
    ]),
    "scorecard.json": json({ run_id: runId, score: 92.6, grade: "B" }),
    "scorecard.md": `# Scorecard of ${runId}\n\n92.6 of 100, grade B.\n`,
    "log-review.md": "# Log review\n\nTwo stack traces, both of F-2.\n",
    "raw/server.log": "INFO  browser binding ready\n".repeat(400),
  };
  for (const suite of suites) all[`junit/TEST-${suite.name}.xml`] = junitReport(suite);
  for (let index = 0; index < rawFiles; index += 1) {
    const number = String(index).padStart(5, "0");
    all[`raw/exchanges/${number.slice(0, 3)}/${number}.http`] = exchange(index);
  }
  for (const [path, content] of Object.entries({ ...all, ...files })) {
    if (content === null) continue;
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

/** A report as Maven Surefire writes it. */
export function junitReport({ name, passed, failed = 0, errors = 0, skipped = 0 }: PilotSuite): string {
  const cases = [
    ...repeat(passed, () => ""),
    ...repeat(
      failed,
      (index) => `<failure message="expected &lt;1.1&gt;" type="AssertionError">at ${index}</failure>`,
    ),
    ...repeat(errors, () => '<error type="CmisRuntimeException"><![CDATA[500 <Internal>]]></error>'),
    ...repeat(skipped, () => "<skipped/>"),
  ];
  const tests = cases.map(
    (inner, index) =>
      `  <testcase name="case${index}" classname="org.tck.${name}" time="0.01">${inner}</testcase>`,
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="${name}" tests="${cases.length}" failures="${failed}" errors="${errors}" skipped="${skipped}" time="1.5">`,
    '  <properties><property name="binding" value="browser"/></properties>',
    ...tests,
    `  <system-out>${name} &amp; more</system-out>`,
    "</testsuite>",
    "",
  ].join("\n");
}

function exchange(index: number): string {
  return `GET /browser/root?objectId=${index} HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{"objectId": ${index}}\n`;
}

function repeat(count: number, make: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
