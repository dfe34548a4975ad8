import { errorFamily } from "../base/errors.ts";

/** What keeps a directory from becoming a package. `details.path` is the file it is about. */
export const ingestErrors = errorFamily({
  "ingest.not_a_directory": { kind: "invalid", about: "There is no directory at that path." },
  "ingest.directory_unreadable": { kind: "invalid", about: "A directory cannot be read." },
  "ingest.no_files": { kind: "invalid", about: "The directory has no files, and a package needs one." },
  "ingest.metadata_taken": {
    kind: "invalid",
    about: "Metadata was given under a name that the directory itself gives another value.",
  },
  "ingest.package_differs": {
    kind: "conflict",
    about:
      "The package that was made for this directory holds other files by now: somebody changed it by hand.",
  },
});

/** What is wrong with an assessment run. `details.file` is where it stands. */
export const runErrors = errorFamily({
  "run.not_a_run": { kind: "invalid", about: "Nothing in the directory says that it is a run." },
  "run.invalid_document": {
    kind: "invalid",
    about: "A document of the run is not JSON or YAML in UTF-8, or says one thing twice.",
  },
  "run.document_too_large": {
    kind: "too_large",
    about: "A document of the run is larger, or nested deeper, than any run needs.",
  },
  "run.invalid_value": {
    kind: "invalid",
    about: "A document of the run gives a fact a value that it cannot have.",
  },
  "run.invalid_test_report": { kind: "invalid", about: "A JUnit report is not well-formed XML." },
  "run.contradiction": {
    kind: "invalid",
    about: "Two places of the run say different things about one fact.",
  },
  "run.counts_differ": {
    kind: "invalid",
    about: "Counts do not add up, or are not the counts of what is there.",
  },
  "run.report_missing": {
    kind: "invalid",
    about: "A report is named that is not there, or lies outside the run.",
  },
});
