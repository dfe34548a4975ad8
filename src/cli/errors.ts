import { internalErrors } from "../base/internal-errors.ts";
import { DistError, errorFamily } from "../base/errors.ts";

/** The codes of the command line itself. `usage.*` ends with exit code 2. */
export const cliErrors = errorFamily({
  "usage.missing_command": { kind: "invalid", about: "A command is missing." },
  "usage.unknown_command": { kind: "invalid", about: "There is no such command." },
  "usage.unknown_option": { kind: "invalid", about: "The command has no such option." },
  "usage.missing_option": { kind: "invalid", about: "An option that the command needs is missing." },
  "usage.missing_argument": { kind: "invalid", about: "An argument that the command needs is missing." },
  "usage.too_many_arguments": { kind: "invalid", about: "The command takes fewer arguments." },
  "usage.missing_value": { kind: "invalid", about: "An option that takes a value has none." },
  "usage.invalid_value": { kind: "invalid", about: "The value of an option or argument cannot be read." },
  "usage.conflicting_options": { kind: "invalid", about: "Two options exclude each other." },
  "usage.store_required": { kind: "invalid", about: "Neither a store directory nor a server is named." },
  "usage.store_and_server": {
    kind: "invalid",
    about:
      "A store directory and a server are named at the same level (both as flags, or both in the environment).",
  },
  "usage.token_with_store": {
    kind: "invalid",
    about: "A token is given for a store directory, which takes none.",
  },
  "cli.file_exists": { kind: "conflict", about: "A file stands where the command would write." },
  "cli.output_unwritable": { kind: "invalid", about: "The place for an output file cannot be written." },
  "cli.output_failed": { kind: "unavailable", about: "Standard output could not be written to its end." },
  "cli.file_unreadable": { kind: "invalid", about: "A file named on the command line cannot be read." },
  "cli.line_too_long": { kind: "too_large", about: "A line of an export is longer than any export has." },
  "cli.no_matching_artifact": { kind: "not_found", about: "The release has no artifact that matches." },
  "cli.channel_empty": { kind: "not_found", about: "The channel points at no release." },
  "cli.download_corrupt": {
    kind: "corrupt",
    about: "The bytes received are not those that the release or package names.",
  },
  "cli.unsafe_path": {
    kind: "invalid",
    about: "A file of a package cannot be written under its path: it would stand outside the directory.",
  },
  "cli.archive_unsupported": {
    kind: "invalid",
    about: "An archive of this kind cannot be compared with a manifest as it is.",
  },
  "cli.interrupted": { kind: "unavailable", about: "The command was stopped by a signal." },
});

/** Anything thrown, as an error with a code. What is no `DistError` is a defect and says so. */
export function toDistError(error: unknown): DistError {
  if (error instanceof DistError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return internalErrors.error("internal.unexpected", `Unexpected: ${message}`, {
    hint: "This is a defect. Set DIST_DEBUG=1 to see where it happened, and report it.",
    cause: error,
  });
}
