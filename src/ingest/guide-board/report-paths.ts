import { posix } from "node:path";

import { runErrors } from "../errors.ts";
import type { ScannedDirectory } from "../scan-directory.ts";
import { byName } from "./facts.ts";
import type { RunDocument } from "./read-document.ts";
import { entriesAt, factOf, invalidValue, MAX_ENTRIES, type Place, textAt } from "./values.ts";

/** Reports that are known by their names, at the top of the run or in `reports/`. */
const KNOWN_REPORT = /^(?:reports\/)?(?<name>scorecard|log[-_]review)\.[^/.]+$/;

/** Paths by the report's name, such as `scorecard` and `log_review`; each in order, and there. */
export type ReportPaths = Readonly<Record<string, readonly string[]>>;

/**
 * The reports that documents name under `reports` (a map of names to a path or several, or a list of paths), and those known by their
 * names. Raises `run.report_missing`, `run.invalid_value`.
 */
export function reportPaths(
  documents: readonly RunDocument[],
  { files, skipped }: ScannedDirectory,
): ReportPaths {
  const present = new Set(files.map(({ path }) => path));
  const links = new Set(skipped.map(({ path }) => path));
  const found = new Map<string, Set<string>>();
  const add = (name: string, path: string) => {
    found.set(name, (found.get(name) ?? new Set()).add(path));
  };
  for (const path of present) {
    const name = KNOWN_REPORT.exec(path)?.groups?.["name"];
    if (name !== undefined) add(nameOf(name), path);
  }
  for (const document of documents) {
    for (const { name, path: given, place } of reportsIn(document)) {
      const path = insideRun(place, given);
      if (!present.has(path)) throw missing(place, given, links.has(path));
      add(name, path);
    }
  }
  return byName([...found].map(([name, paths]) => [name, [...paths].toSorted()]));
}

interface NamedReport {
  readonly name: string;
  readonly path: string;
  readonly place: Place;
}

function reportsIn(document: RunDocument): NamedReport[] {
  const key = "reports";
  const value = factOf(document, key);
  if (value === undefined) return [];
  const place = { file: document.file, key };
  if (Array.isArray(value)) {
    return pathsAt(place, value).map((report) => {
      const stem = posix.parse(report.path).name;
      return { ...report, name: nameOf(stem) };
    });
  }
  return entriesAt(place, value).flatMap(([name, item, at]) =>
    pathsAt(at, Array.isArray(item) ? item : [item]).map((report) => ({ ...report, name: nameOf(name) })),
  );
}

function pathsAt(place: Place, list: readonly unknown[]): { path: string; place: Place }[] {
  if (list.length > MAX_ENTRIES) throw invalidValue(place, `has more than ${MAX_ENTRIES} entries`);
  return list.map((item) => ({ path: textAt(place, item), place }));
}

/** `log-review` and `log_review` are one report. */
function nameOf(text: string): string {
  return text.replaceAll("-", "_");
}

/** The path in the package. What leads out of the run, or is no path of it, is not followed. */
function insideRun(place: Place, path: string): string {
  const normal = posix.normalize(path).normalize("NFC");
  if (!posix.isAbsolute(normal) && normal !== ".." && !normal.startsWith("../")) return normal;
  throw runErrors.error(
    "run.report_missing",
    `${place.file}: ${place.key} names ${path}, which lies outside the run.`,
    { details: { ...place, path } },
  );
}

function missing(place: Place, path: string, isSkipped: boolean): Error {
  const why = isSkipped ? "it is no regular file, and links are not followed" : "there is no such file";
  return runErrors.error("run.report_missing", `${place.file}: ${place.key} names ${path}, and ${why}.`, {
    details: { ...place, path },
    hint: "Paths are relative to the run's directory.",
  });
}
