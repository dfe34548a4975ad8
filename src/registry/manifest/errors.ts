import { errorFamily } from "../../base/errors.ts";

/** What can be wrong with `dist.json` and with the files it names. `details.path` says where, as `artifacts[0].platform`. */
export const manifestErrors = errorFamily({
  "manifest.not_found": { kind: "not_found", about: "There is no manifest at that path." },
  "manifest.unreadable": { kind: "invalid", about: "The manifest cannot be read." },
  "manifest.invalid_json": {
    kind: "invalid",
    about: "The manifest is not JSON in UTF-8; line and column are given.",
  },
  "manifest.too_large": { kind: "too_large", about: "The manifest is larger than 1 MiB." },
  "manifest.duplicate_key": { kind: "invalid", about: "A key stands twice in one object of the manifest." },
  "manifest.missing_field": { kind: "invalid", about: "A required field of the manifest is missing." },
  "manifest.unknown_key": {
    kind: "invalid",
    about: "The manifest has a key that means nothing; the nearest known one is given.",
  },
  "manifest.wrong_type": { kind: "invalid", about: "A field of the manifest has a value of another kind." },
  "manifest.unknown_platform": { kind: "invalid", about: "There is no such platform." },
  "manifest.unknown_arch": { kind: "invalid", about: "There is no such architecture." },
  "manifest.unknown_format": { kind: "invalid", about: "There is no such file format." },
  "manifest.invalid_digest": { kind: "invalid", about: "A SHA-256 is not 64 hexadecimal digits." },
  "manifest.too_many_artifacts": { kind: "too_large", about: "A release has at most 64 artifacts." },
  "manifest.no_artifacts": { kind: "invalid", about: "A release has at least one artifact." },
  "manifest.file_not_found": {
    kind: "not_found",
    about: "A path of the manifest names no file, or its pattern matches none.",
  },
  "manifest.glob_ambiguous": {
    kind: "invalid",
    about: "A pattern of the manifest matches more than one file.",
  },
  "validation.file_not_found": { kind: "not_found", about: "The file does not exist." },
  "validation.file_unreadable": { kind: "invalid", about: "The file cannot be read, or is no regular file." },
  "validation.source_changed": { kind: "conflict", about: "The file changed while it was read." },
});

export type ManifestCode = keyof typeof manifestErrors.definitions;
