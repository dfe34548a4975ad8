import { archiveFormats, packageStatuses } from "../../registry/records/packages.ts";
import { defineCommand } from "../command.ts";
import { packageArgument, pageOptions } from "./shared.ts";

export const packageCreate = defineCommand({
  name: "package create",
  summary: "Create a package that files are then added to",
  description:
    "Creates an empty package. Its retention class sets, from now on, until when it is kept at least. A missing store is created.",
  options: {
    kind: { value: "KIND", about: "What the package is, such as assessment-run", required: true },
    producer: { value: "NAME", about: "Who made what is in it" },
    subject: { value: "NAME", about: "What it is about" },
    retentionClass: { value: "CLASS", about: "How long it is kept; the store's default class when absent" },
    metadata: { value: "KEY=VALUE", type: "pairs", about: "A fact of your own, found again by package list" },
    metadataFile: { value: "FILE", about: "The metadata as a JSON object, in place of --metadata" },
    key: { value: "KEY", about: "The package that has this key already is answered instead of a new one" },
  },
  examples: [
    "dist package create --kind assessment-run --subject cmis-pilot --retention-class release-evidence",
    "dist package create --kind logs --metadata commit=abc123 --json",
  ],
  exits: { 1: "refused: a value is invalid, there is no such class, the key stands for another package" },
  needs: "store",
  creates: true,
});

export const packageAdd = defineCommand({
  name: "package add",
  summary: "Upload files and add them to a package",
  description:
    "Uploads files, several at once, and adds them to a package that is not finalized. Bytes that are there already are not sent again. A file stands in the " +
    "package under its name; --path gives it another place. The same bytes again change nothing; other bytes at a path need --replace.",
  args: { ...packageArgument, file: { about: "The files", repeat: true } },
  options: {
    path: {
      value: "PATH",
      about: "Where the file stands in the package, as logs/run.txt; for one file only",
    },
    mediaType: { value: "TYPE", about: "The media type; by the name's extension when absent" },
    replace: { about: "Take the place of the file that is there" },
  },
  examples: [
    "dist package add pkg_01h… report.json scorecard.html",
    "dist package add pkg_01h… out/tck.xml --path junit/tck.xml --media-type application/xml",
  ],
  exits: {
    1: "refused: no such package, it takes no files any more, the path is taken or invalid, a file cannot be read",
  },
  needs: "store",
});

export const packageRemove = defineCommand({
  name: "package remove",
  summary: "Take a file out of a package again",
  description: "Removes a file from a package that is not finalized, and prints its entry.",
  args: { ...packageArgument, path: { about: "The file's path in the package" } },
  examples: ["dist package remove pkg_01h… logs/run.txt"],
  exits: { 1: "refused: no such package or file, or it is finalized" },
  needs: "store",
});

export const packageFinalize = defineCommand({
  name: "package finalize",
  summary: "Close a package and write its manifest",
  description:
    "Makes a package immutable and stores its manifest, which lists every file with its digests. Finalizing it again changes nothing.",
  args: packageArgument,
  examples: ["dist package finalize pkg_01h… --json"],
  exits: { 1: "refused: no such package, it has no file, it failed or was deleted" },
  needs: "store",
});

export const packageFail = defineCommand({
  name: "package fail",
  summary: "Give a package up before it is finalized",
  description:
    "Marks a package as failed, for good: it takes no files any more and gets no manifest. What was added stays as long as its retention says.",
  args: packageArgument,
  options: { reason: { value: "TEXT", about: "Why; it is refused without one" } },
  examples: ['dist package fail pkg_01h… --reason "the run was aborted"'],
  exits: { 1: "refused: no such package, no reason, or it is finalized" },
  needs: "store",
});

export const packageShow = defineCommand({
  name: "package show",
  summary: "Show a package and what keeps it",
  description: "Shows a package. Without --json also what keeps it, and until when.",
  args: packageArgument,
  examples: ["dist package show pkg_01h…", "dist package show pkg_01h… --json"],
  exits: { 1: "refused: no such package" },
  needs: "store",
});

export const packageList = defineCommand({
  name: "package list",
  summary: "List packages",
  description: "Lists packages, newest first. What several options ask for must all be so.",
  options: {
    status: { value: "STATUS", about: "Only those in this status", choices: packageStatuses },
    kind: { value: "KIND", about: "Only those of this kind" },
    producer: { value: "NAME", about: "Only this producer's" },
    subject: { value: "NAME", about: "Only those about this" },
    retentionClass: { value: "CLASS", about: "Only those of this retention class" },
    metadata: { value: "KEY=VALUE", type: "pairs", about: "Only those whose metadata has this value" },
    eligible: { about: "Only those that may be deleted now, whichever became so last first" },
    since: { value: "TIME", about: "Created at this time or later, as 2026-11-20T15:00:00Z" },
    until: { value: "TIME", about: "Created before this time" },
    ...pageOptions,
  },
  examples: [
    "dist package list --kind assessment-run --metadata commit=abc123",
    "dist package list --eligible --json",
  ],
  exits: { 1: "refused: a filter or cursor is invalid" },
  needs: "store",
});

export const packageFiles = defineCommand({
  name: "package files",
  summary: "List the files of a package",
  description:
    "Lists the files of a package with their digests, in the order of their paths; of a deleted package too.",
  args: packageArgument,
  options: pageOptions,
  examples: ["dist package files pkg_01h… --limit 1000 --json"],
  exits: { 1: "refused: no such package" },
  needs: "store",
});

export const packageManifest = defineCommand({
  name: "package manifest",
  summary: "Print a package's manifest",
  description:
    "Prints the manifest of a finalized package as canonical JSON (RFC 8785), or with --cbor the bytes themselves, whose SHA-256 names the manifest. " +
    "It is there for a deleted package too.",
  args: packageArgument,
  options: {
    cbor: { about: "The canonical CBOR, into --output or a pipe" },
    output: { value: "FILE", about: "Write to this file and print a report" },
  },
  examples: [
    "dist package manifest pkg_01h… > manifest.json",
    "dist package manifest pkg_01h… --cbor --output manifest.cbor",
  ],
  exits: { 1: "refused: no such package, or it was not finalized", 4: "the stored manifest is damaged" },
  needs: "store",
});

export const packageDownload = defineCommand({
  name: "package download",
  summary: "Download a package's files, checked",
  description:
    "Downloads all files of a package into a directory, one of them with --path, or all as one archive with --format. The digest of a file is checked while its bytes " +
    "arrive; it gets its name only when it is whole and right. The same file is not fetched again, so a download that was stopped goes on when it is run " +
    "again; another file of that name is overwritten only with --force.",
  args: packageArgument,
  options: {
    path: { value: "PATH", about: "Only this file" },
    format: { value: "FORMAT", about: "One archive of all files", choices: archiveFormats },
    output: {
      value: "PATH",
      about:
        "The directory, by default one named as the package; with --path a file or a directory; with --format a file, by default standard output",
    },
    force: { about: "Overwrite other files" },
  },
  examples: [
    "dist package download pkg_01h… --output evidence/",
    "dist package download pkg_01h… --path junit/tck.xml",
    "dist package download pkg_01h… --format tar --output evidence.tar",
    "dist package download pkg_01h… --format tar | tar -x -C evidence",
  ],
  exits: {
    1: "refused: no such package or file, it was deleted, another file is in the way",
    3: "no answer, or an archive that broke off: where package verify finds damaged bytes, a retry breaks off again",
    4: "the bytes are not what the package names",
  },
  needs: "store",
});

export const packageVerify = defineCommand({
  name: "package verify",
  summary: "Compare a package's bytes with its manifest",
  description:
    "Reads every stored byte of a package and compares it with the package's manifest. With --manifest it checks files on this machine instead, and " +
    "needs no store and no server: a directory, file by file (links are not followed); a tar from package download; or a single file that the manifest lists. " +
    "Every difference is a problem of the report: what is missing, changed or not of the package.",
  args: { package: { about: "The package's id (pkg_…); with --manifest a directory or file" } },
  options: {
    manifest: {
      value: "FILE",
      about: "Check local files against this manifest, as package manifest writes it, JSON or CBOR",
    },
    manifestSha256: {
      value: "DIGEST",
      about: "Only if the manifest has this SHA-256, as it was recorded elsewhere",
    },
  },
  examples: [
    "dist package verify pkg_01h…",
    "dist package verify evidence/ --manifest manifest.json",
    "dist package verify evidence.tar --manifest manifest.cbor --json",
  ],
  exits: {
    1: "refused: no such package, the manifest is none, a file cannot be read",
    4: "something is missing, changed or not of the package, or the manifest is another one; the report says what",
  },
  needs: "maybe",
});
