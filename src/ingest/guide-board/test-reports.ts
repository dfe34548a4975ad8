import { createHash } from "node:crypto";
import { join } from "node:path";

import { SaxesParser, type SaxesTagPlain } from "saxes";

import { fileSource } from "../../registry/file-source.ts";
import { runErrors } from "../errors.ts";
import type { ScannedFile } from "../scan-directory.ts";

/** Reports with all that their tests printed have some ten MiB; the reader may hold a whole file's text. */
const MAX_REPORT_BYTES = 64 * 1024 * 1024;
const MAX_DEPTH = 64;

const outcomes = ["passed", "failed", "errors", "skipped"] as const;
type Outcome = (typeof outcomes)[number];
/** Test cases by their outcome. */
export type TestCounts = Record<Outcome, number>;

export interface TestReport {
  readonly file: string;
  readonly counts: TestCounts;
  /** Of the bytes that were read. */
  readonly sha256: string;
}

/** What the elements of a test case say about its outcome. */
const outcomeOfElement: Readonly<Record<string, Outcome>> = {
  error: "errors",
  failure: "failed",
  skipped: "skipped",
};
/** The attribute in which a suite says how many of its cases have the outcome. */
const attributeOfOutcome = { failed: "failures", errors: "errors", skipped: "skipped" } as const;

/**
 * Counts the test cases of a JUnit report, in the form that Maven Surefire writes (`testsuite`, also several in `testsuites`), and holds
 * them against what its suites say. Null for XML that is no such report. Raises `run.invalid_test_report`,
 * `run.counts_differ`, `run.document_too_large`, and what `fileSource` raises.
 */
export async function readTestReport(
  directory: string,
  { path, name }: ScannedFile,
  signal?: AbortSignal,
): Promise<TestReport | null> {
  const source = await fileSource(join(directory, name), { followLinks: false });
  if (source.sizeBytes > MAX_REPORT_BYTES) {
    throw runErrors.error(
      "run.document_too_large",
      `${path} has ${source.sizeBytes} bytes; at most ${MAX_REPORT_BYTES} are read of a test report.`,
      { details: { file: path, size_bytes: source.sizeBytes, limit: MAX_REPORT_BYTES } },
    );
  }
  const reader = new ReportReader(path);
  const hasher = createHash("sha256");
  for await (const chunk of source.open()) {
    signal?.throwIfAborted();
    hasher.update(chunk);
    reader.take(chunk);
    if (reader.isOther) return null;
  }
  return { file: path, counts: reader.end(), sha256: hasher.digest("hex") };
}

/** A suite that is open: what it says of itself, and what stands in it. */
interface OpenSuite {
  readonly attributes: Readonly<Record<string, string>>;
  readonly counts: TestCounts;
}

class ReportReader {
  /** True once the root has shown that this is no report. */
  isOther = false;
  readonly #file: string;
  readonly #parser = new SaxesParser();
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #elements: string[] = [];
  readonly #suites: OpenSuite[] = [];
  readonly #total = noTests();
  #outcome: Outcome = "passed";

  constructor(file: string) {
    this.#file = file;
    // The library knows no entities but XML's own five, so that nothing expands and nothing is fetched.
    this.#parser.on("error", (error) => {
      if (!this.isOther) throw this.#invalid(error.message);
    });
    this.#parser.on("opentag", (tag) => this.#open(tag));
    this.#parser.on("closetag", ({ name }) => this.#close(name));
  }

  end(): TestCounts {
    this.take();
    this.#parser.close();
    return this.#total;
  }

  /** The next bytes; without any, the end of them. */
  take(chunk?: Uint8Array): void {
    let text: string;
    try {
      text = this.#decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw this.#invalid("it is not UTF-8");
    }
    this.#parser.write(text);
  }

  #open({ name, attributes }: SaxesTagPlain): void {
    const parent = this.#elements.at(-1);
    if (parent === undefined && !isSuite(name)) this.isOther = true;
    if (this.isOther) return;
    if (this.#elements.push(name) > MAX_DEPTH) throw this.#invalid(`it is nested deeper than ${MAX_DEPTH}`);
    if (isSuite(name)) {
      this.#suites.push({ attributes, counts: noTests() });
    } else if (name === "testcase") {
      this.#outcome = "passed";
    } else if (parent === "testcase") {
      this.#outcome = worse(this.#outcome, outcomeOfElement[name]);
    }
  }

  #close(name: string): void {
    if (this.isOther) return;
    this.#elements.pop();
    if (name === "testcase") {
      this.#total[this.#outcome] += 1;
      for (const { counts } of this.#suites) counts[this.#outcome] += 1;
    } else if (isSuite(name)) {
      this.#compare(this.#suites.pop()!);
    }
  }

  /** What a suite says holds for the cases in it and in the suites in it. */
  #compare({ attributes, counts }: OpenSuite): void {
    this.#compareOne(attributes, "tests", testsIn(counts));
    for (const [outcome, attribute] of Object.entries(attributeOfOutcome)) {
      this.#compareOne(attributes, attribute, counts[outcome as keyof typeof attributeOfOutcome]);
    }
  }

  #compareOne(attributes: OpenSuite["attributes"], attribute: string, count: number): void {
    const said = attributes[attribute];
    if (said === undefined || (/^\d{1,15}$/.test(said) && Number(said) === count)) return;
    const suite = attributes["name"] ?? "its suite";
    throw runErrors.error(
      "run.counts_differ",
      `${this.#file}: ${suite} says ${attribute}="${said}", and its test cases are ${count}.`,
      { details: { file: this.#file, suite, attribute, said, count } },
    );
  }

  #invalid(what: string): Error {
    return runErrors.error("run.invalid_test_report", `${this.#file} is no JUnit report: ${what}.`, {
      details: { file: this.#file, line: this.#parser.line },
    });
  }
}

function isSuite(name: string): boolean {
  return name === "testsuite" || name === "testsuites";
}

export function noTests(): TestCounts {
  return { passed: 0, failed: 0, errors: 0, skipped: 0 };
}

/** All test cases, whatever became of them. */
export function testsIn({ passed, failed, errors, skipped }: TestCounts): number {
  return passed + failed + errors + skipped;
}

/** A case counts once: as an error before a failure, as a failure before a skip. */
function worse(one: Outcome, other: Outcome | undefined): Outcome {
  if (other === undefined) return one;
  const ranks: readonly Outcome[] = ["passed", "skipped", "failed", "errors"];
  return ranks.indexOf(other) > ranks.indexOf(one) ? other : one;
}
