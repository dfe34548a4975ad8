import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { DistError } from "../../src/base/errors.ts";
import { readGuideBoardRun } from "../../src/ingest/guide-board/guide-board-run.ts";
import { scanDirectory } from "../../src/ingest/scan-directory.ts";
import { junitReport, pilotDescription, type PilotRun, writePilotRun } from "../support/pilot-run.ts";

let directory: string;
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), "dist-run-"))));
afterEach(() => rm(directory, { recursive: true }));

/** Of a run that is nothing but these files. */
async function read(files: PilotRun["files"] & {}) {
  const none = Object.fromEntries(
    ["run.json", "findings.json", "scorecard.json", "scorecard.md", "log-review.md"].map((path) => [
      path,
      null,
    ]),
  );
  await writePilotRun(directory, { suites: [], rawFiles: 0, files: { ...none, ...files } });
  return readGuideBoardRun(directory, await scanDirectory(directory));
}

async function refusalOf(files: PilotRun["files"] & {}): Promise<DistError> {
  return read(files).then(
    () => expect.fail("it was taken"),
    (error: DistError) => error,
  );
}

const json = (value: unknown) => JSON.stringify(value);

describe("a CMIS pilot's run", () => {
  it("says its ids, counts, commits and reports", async () => {
    await writePilotRun(directory);
    const { facts } = await readGuideBoardRun(directory, await scanDirectory(directory));
    expect(facts).toEqual({
      run_id: "gb-2026-11-20-0741",
      target_profile: "nemaki 3.0.1",
      assessment_profile: "cmis-tck-full",
      evidence_result_counts: { errors: 1, failed: 3, passed: 87, skipped: 3, total: 94 },
      finding_counts: { high: 1, medium: 2, total: 3 },
      source_commits: { "cmis-tck": "90c1aa35", nemaki: "4be07d19c2f0e5a1b7d3c8f6a90e2d4b5c6a7f80" },
      reports: { log_review: ["log-review.md"], scorecard: ["scorecard.json", "scorecard.md"] },
    });
  });

  it("is known by the bytes that were read for it", async () => {
    await writePilotRun(directory);
    const { read: digests } = await readGuideBoardRun(directory, await scanDirectory(directory));
    expect([...digests.keys()]).toEqual([
      "findings.json",
      "run.json",
      "scorecard.json",
      "junit/TEST-cmis-basics.xml",
      "junit/TEST-cmis-query.xml",
      "junit/TEST-cmis-versioning.xml",
    ]);
    for (const [path, sha256] of digests) {
      const bytes = await readFile(join(directory, path));
      expect(sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
  });

  it("says the same in YAML, where digits are text as they are written", async () => {
    const yaml = [
      "# what was run",
      "run_id: 2026-11-20",
      "target_profile: &target {id: nemaki, version: 3.10}",
      "assessment_profile: *target",
      "evidence_result_counts: {passed: 2, failed: 0}",
      "finding_counts: ~",
      "source_commits:",
      "  tck: 4e10707",
      "  nemaki: 0012345",
      "reports: [reports/summary.html]",
    ];
    const { facts } = await read({ "run.yaml": yaml.join("\n"), "reports/summary.html": "" });
    expect(facts).toEqual({
      run_id: "2026-11-20",
      target_profile: "nemaki 3.10",
      assessment_profile: "nemaki 3.10",
      evidence_result_counts: { failed: 0, passed: 2, total: 2 },
      finding_counts: null,
      source_commits: { nemaki: "0012345", tck: "4e10707" },
      reports: { summary: ["reports/summary.html"] },
    });
  });
});

describe("what is missing of a run", () => {
  const nothing = {
    run_id: null,
    target_profile: null,
    assessment_profile: null,
    evidence_result_counts: null,
    finding_counts: null,
    source_commits: null,
    reports: {},
  };

  it("is null", async () => {
    const { facts } = await read({ "run.json": json({ run_id: "r1", target_profile: null, unknown: [1] }) });
    expect(facts).toEqual({ ...nothing, run_id: "r1" });
  });

  it("is counted in the test reports, when no document counts", async () => {
    const report = junitReport({ name: "a", passed: 3, failed: 2, errors: 1, skipped: 1 });
    const { facts } = await read({ "deep/down/TEST-a.xml": report, "raw/TEST-b.xml": report });
    const counts = { passed: 3, failed: 2, errors: 1, skipped: 1, total: 7 };
    expect(facts).toEqual({ ...nothing, evidence_result_counts: counts });
  });

  it("is known by a report's name alone", async () => {
    const { facts } = await read({ "reports/log_review.pdf": "%PDF" });
    expect(facts).toEqual({ ...nothing, reports: { log_review: ["reports/log_review.pdf"] } });
  });

  it("run.not_a_run: all of it", async () => {
    const error = await refusalOf({
      "notes.txt": "x",
      "run.json": "{}",
      "summary.yml": "",
      "results/a.xml": "<a/>",
    });
    expect(error).toMatchObject({ code: "run.not_a_run", details: { path: directory } });
  });
});

describe("documents of one run", () => {
  it("complete each other", async () => {
    const { facts } = await read({
      "run.json": json({ run_id: "r1", source_commits: { a: "4be07d1" }, finding_counts: { high: 1 } }),
      "run.yml": "run_id: r1\nassessment_profile: full\nfinding_counts: {total: 3}",
      "reports/summary.json": json({
        source_commits: { a: "4be07d19c2", b: "1234567" },
        findings: { low: 2 },
      }),
      "results.json": json([{ status: "passed" }, { status: "passed" }, { status: "inconclusive" }, {}]),
    });
    expect(facts).toMatchObject({
      run_id: "r1",
      assessment_profile: "full",
      finding_counts: { high: 1, low: 2, total: 3 },
      source_commits: { a: "4be07d19c2", b: "1234567" },
      evidence_result_counts: { inconclusive: 1, passed: 2, unspecified: 1, total: 4 },
    });
  });

  it.each([
    ["run_id", json({ run_id: "r2" })],
    ["target_profile", json({ target_profile: "other" })],
    ["assessment_profile", json({ assessment_profile: { name: "quick" } })],
    ["source_commits.tck", json({ source_commits: { tck: "fffffff" } })],
  ])("run.contradiction: another %s in another file", async (fact, scorecard) => {
    const run = {
      run_id: "r1",
      target_profile: "t",
      assessment_profile: "a",
      source_commits: { tck: "90c1aa3" },
    };
    const error = await refusalOf({ "run.json": json(run), "scorecard.json": scorecard });
    expect(error).toMatchObject({
      code: "run.contradiction",
      details: {
        file: "scorecard.json",
        fact,
        statements: [{ file: "run.json" }, { file: "scorecard.json" }],
      },
    });
    expect(error.message).toContain("run.json");
  });

  it.each<[string, string, { [path: string]: unknown }]>([
    [
      "a total that is not the sum",
      "run.json",
      { "run.json": { finding_counts: { high: 1, low: 1, total: 3 } } },
    ],
    [
      "two documents that count differently",
      "summary.json",
      { "run.json": { finding_counts: { high: 1 } }, "summary.json": { finding_counts: { high: 2 } } },
    ],
    [
      "findings that are not as many as counted",
      "run.json",
      { "run.json": { finding_counts: { high: 2 } }, "findings.json": [{ severity: "high" }] },
    ],
    [
      "findings of a severity that is not in the list",
      "findings.json",
      {
        "run.json": { finding_counts: { high: 1, low: 1 } },
        "findings.json": { findings: [{ severity: "high" }] },
      },
    ],
    [
      "a total that leaves out what another document counts",
      "summary.json",
      { "run.json": { findings: 1 }, "summary.json": { findings: { high: 1, low: 1 } } },
    ],
    [
      "results that are not as many as counted",
      "run.json",
      {
        "run.json": { evidence_result_counts: { passed: 1, total: 1 } },
        "results.json": [{ status: "passed" }, { status: "passed" }],
      },
    ],
  ])("run.counts_differ: %s", async (_, file, documents) => {
    const files = Object.fromEntries(Object.entries(documents).map(([path, value]) => [path, json(value)]));
    expect(await refusalOf(files)).toMatchObject({ code: "run.counts_differ", details: { file } });
  });

  it.each<[string, unknown]>([
    ["run_id", 7],
    ["run_id", "two\nlines"],
    ["run_id", "x".repeat(257)],
    ["target_profile.name", { version: "1" }],
    ["target_profile.version", { id: "a", version: 1 }],
    ["evidence_result_counts.passed", { passed: -1 }],
    ["evidence_result_counts.passed", { passed: 1.5 }],
    ["evidence_result_counts.passed", { passed: "many" }],
    ["evidence_result_counts", [1]],
    ["findings", "none"],
    ["findings[1]", [{ severity: "high" }, "low"]],
    ["findings[0].severity", [{ severity: 3 }]],
    ["source_commits", ["abc"]],
    ["source_commits", Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`c${n}`, "abc"]))],
    ["source_commits.a", { a: null }],
    ["reports.scorecard", { scorecard: 1 }],
  ])("run.invalid_value: %s is %j", async (key, value) => {
    const top = key.split(/[.[]/, 1)[0]!;
    const error = await refusalOf({ "run.json": json({ [top]: value }) });
    expect(error).toMatchObject({ code: "run.invalid_value", details: { file: "run.json", key } });
  });
});

describe("documents that cannot be read", () => {
  it.each<[string, string, string | Uint8Array]>([
    ["no JSON", "run.json", "{"],
    ["nothing at all as JSON", "run.json", ""],
    ["JSON with a key twice", "run.json", '{"run_id": "a", "run_id": "b"}'],
    ["JSON with a key that JavaScript drops", "run.json", '{"__proto__": {"run_id": "a"}}'],
    ["no UTF-8", "run.json", Buffer.from('{"run_id": "\xff"}', "latin1")],
    ["no YAML", "run.yaml", "run_id: 'a"],
    ["YAML with a key twice", "run.yaml", "a: {b: 1, b: 2}"],
    ["YAML with a map as a key", "run.yaml", "? {a: b}\n: c"],
    ["two YAML documents", "run.yaml", "run_id: a\n---\nrun_id: b\n"],
    ["a YAML alias of nothing", "run.yaml", "run_id: *a"],
  ])("run.invalid_document: %s", async (_, file, content) => {
    const error = await refusalOf({ [file]: content });
    expect(error).toMatchObject({ code: "run.invalid_document", details: { file } });
  });

  // Nine aliases of nine aliases of …: a few hundred bytes that stand for a billion items.
  it("run.invalid_document: a YAML document that multiplies itself", async () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (const pair of ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"]) {
      const [one, other] = [pair[0]!, pair[1]!];
      lines.push(`${other}: &${other} [${Array(9).fill(`*${one}`).join(", ")}]`);
    }
    const error = await refusalOf({ "run.yaml": lines.join("\n") });
    expect(error).toMatchObject({ code: "run.invalid_document", details: { file: "run.yaml" } });
  });

  // Each of these ends a process whose reader recurses.
  it.each([
    ["lists", "[".repeat(200_000)],
    ["maps", "{a: ".repeat(100_000)],
    ["items on one line", "- ".repeat(200_000)],
    ["keys", "? ".repeat(200_000)],
  ])("run.document_too_large: YAML of nested %s", async (_, content) => {
    const error = await refusalOf({ "run.yaml": content });
    expect(error).toMatchObject({ code: "run.document_too_large", details: { file: "run.yaml" } });
  });

  it("takes JSON however deep, and reads none of it", async () => {
    const deep = "[".repeat(1_000_000) + "]".repeat(1_000_000);
    const { facts } = await read({ "run.json": `{"run_id": "r1", "tree": ${deep}}` });
    expect(facts.run_id).toBe("r1");
  });

  it.each([
    ["run.json", 4 * 1024 * 1024],
    ["run.yaml", 1024 * 1024],
  ])("run.document_too_large: %s of more than %i bytes", async (file, limit) => {
    const padded = (size: number) => `{"run_id": "r1"}`.padEnd(size);
    expect((await read({ [file]: padded(limit) })).facts.run_id).toBe("r1");
    const error = await refusalOf({ [file]: padded(limit + 1) });
    expect(error).toMatchObject({ code: "run.document_too_large", details: { file, limit } });
  });

  // Comparing every key with every other would take minutes.
  it("reads a YAML map of very many keys in a moment", async () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => `k${index}:`).join("\n");
    const started = performance.now();
    await read({ "run.yaml": `run_id: r1\n${keys}` });
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

describe("test reports", () => {
  const run = (counts: object) => json({ run_id: "r1", evidence_result_counts: counts });
  const one = junitReport({ name: "one", passed: 3, failed: 1, errors: 1, skipped: 1 });

  it("are added up, nested suites and several in one file too", async () => {
    const nested = [
      "<testsuites tests='4' failures='1'>",
      "<testsuite name='outer' tests='3'><testcase/><testsuite name='inner' tests='2' failures='1'>",
      "<testcase><failure/><failure/></testcase><testcase><skipped/></testcase></testsuite></testsuite>",
      "<testsuite><testcase><system-out>a</system-out></testcase></testsuite></testsuites>",
    ];
    const { facts } = await read({ "junit/one.xml": one, "results/deep/two.xml": nested.join("") });
    expect(facts.evidence_result_counts).toEqual({ passed: 5, failed: 2, errors: 1, skipped: 2, total: 10 });
  });

  it("agree with documents that tell errors from failures, or do not, or count a part", async () => {
    for (const counts of [
      { passed: 3, failed: 1, errors: 1, skipped: 1, total: 6 },
      { passed: 3, failed: 2, skipped: 1 },
      { passed: 3 },
      { ok: 3, bad: 2, other: 1, total: 6 },
    ]) {
      const { facts } = await read({ "run.json": run(counts), "junit/TEST-one.xml": one });
      expect(facts.evidence_result_counts).toMatchObject(counts);
    }
  });

  it.each([{ passed: 4 }, { failed: 1 }, { failed: 1, errors: 0 }, { ok: 5, total: 5 }])(
    "run.counts_differ: a document that says %j of them",
    async (counts) => {
      const error = await refusalOf({ "run.json": run(counts), "junit/TEST-one.xml": one });
      expect(error).toMatchObject({
        code: "run.counts_differ",
        details: { statements: [{ file: "run.json" }, { file: "junit/TEST-one.xml" }] },
      });
    },
  );

  it.each(["tests", "failures", "errors", "skipped"])(
    "run.counts_differ: a suite whose %s are not its cases'",
    async (attribute) => {
      const wrong = one.replace(new RegExp(`(<testsuite.* ${attribute}=)"\\d+"`), '$1"9"');
      expect(wrong).not.toBe(one);
      expect(await refusalOf({ "TEST-one.xml": wrong })).toMatchObject({
        code: "run.counts_differ",
        details: { file: "TEST-one.xml", suite: "one", attribute, said: "9" },
      });
    },
  );

  it("are not what other XML is", async () => {
    const other = '<report><testsuite tests="9"/></report>';
    const broken = "<report><a></b></report>";
    const { facts } = await read({
      "run.json": run({ passed: 7 }),
      "results/a.xml": other,
      "results/b.xml": broken,
    });
    expect(facts.evidence_result_counts).toEqual({ passed: 7, total: 7 });
  });

  it.each<[string, string | Uint8Array]>([
    ["cut off", one.slice(0, -20)],
    ["no XML", "passed: 3"],
    ["empty", ""],
    ["no UTF-8", Buffer.from("<testsuite name='\xff'/>", "latin1")],
    ["cut in a character", Buffer.concat([Buffer.from("<testsuite/>"), Buffer.from([0xc3])])],
    [
      "with an entity of its own",
      '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><testsuite>&b;</testsuite>',
    ],
    ["nested without end", "<testsuite>".repeat(100_000)],
  ])("run.invalid_test_report: %s", async (_, content) => {
    const error = await refusalOf({ "junit/TEST-a.xml": content });
    expect(error).toMatchObject({
      code: "run.invalid_test_report",
      details: { file: "junit/TEST-a.xml" },
    });
  });

  it("run.document_too_large: a report beyond every size", async () => {
    const error = await refusalOf({ "TEST-a.xml": Buffer.alloc(64 * 1024 * 1024 + 1, " ") });
    expect(error).toMatchObject({ code: "run.document_too_large", details: { file: "TEST-a.xml" } });
  });
});

describe("reports", () => {
  const run = (reports: unknown) => json({ run_id: "r1", reports });

  it("may be named as a list, several under a name, and with a dot before", async () => {
    const files = { "a/scorecard.html": "", "b.md": "", "c-d.md": "" };
    const { facts: map } = await read({
      ...files,
      "run.json": run({ scorecard: ["./a/scorecard.html", "b.md"], "log-review": "a/../c-d.md" }),
    });
    expect(map.reports).toEqual({ log_review: ["c-d.md"], scorecard: ["a/scorecard.html", "b.md"] });
    const { facts: list } = await read({ ...files, "run.json": run(["c-d.md", "a/scorecard.html"]) });
    expect(list.reports).toEqual({ c_d: ["c-d.md"], scorecard: ["a/scorecard.html"] });
  });

  it.each(["gone.md", "../outside.md", "a/../../outside.md", "/etc/passwd", "raw", "."])(
    "run.report_missing: %s",
    async (path) => {
      await writeFile(join(directory, "..", "outside.md"), "");
      const error = await refusalOf({ "run.json": run({ scorecard: path }), "raw/a": "" });
      expect(error).toMatchObject({
        code: "run.report_missing",
        details: { file: "run.json", key: "reports.scorecard", path },
      });
    },
  );

  it("run.report_missing: a link, which is not followed", async () => {
    await symlink("/etc/passwd", join(directory, "scorecard.md"));
    const error = await refusalOf({ "run.json": run({ scorecard: "scorecard.md" }) });
    expect(error).toMatchObject({ code: "run.report_missing" });
    expect(error.message).toContain("links are not followed");
  });
});

describe("the pilot's description in the guide", () => {
  it("is the one that is tested", async () => {
    const guide = await readFile(new URL("../../docs/guide/guide-board.md", import.meta.url), "utf8");
    const [, shown] = /```json\n([\s\S]*?)```/.exec(guide) ?? [];
    expect(JSON.parse(shown!)).toEqual(pilotDescription);
  });
});
