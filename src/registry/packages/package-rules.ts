import mime from "mime/lite";

import { encodeCanonical } from "../../base/cbor.ts";
import { foldPath } from "../../base/fold-path.ts";
import { isWellFormed } from "../../base/text.ts";
import type { JsonObject } from "../../log/events.ts";
import { packageErrors, retentionErrors } from "../errors.ts";
import type { PackageFileRequest } from "../records/packages.ts";
import { retentionClassNames } from "../retention-classes.ts";
import { checkReason, MAX_METADATA_BYTES } from "../rules.ts";

/** The rules that a package's values must obey, one function and one code each; as in `rules.ts`. */

export const MAX_FILES = 100_000;
/** One request is one transaction: what others wait for. */
export const MAX_FILES_A_REQUEST = 1_000;
const MAX_PATH_BYTES = 1_024;
const MAX_SEGMENT_BYTES = 255;
const MAX_FIELD_BYTES = 256;
/** They are what packages are found by. */
const MAX_SCALARS = 32;
const MAX_METADATA_KEY_BYTES = 128;

/** A file as it will be recorded, and what its path is compared by. */
export interface CheckedFile {
  readonly path: string;
  readonly folded: string;
  readonly sha256: string;
  readonly mediaType: string;
}

export function checkKind(kind: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(kind) && kind !== "release") return kind;
  throw packageErrors.error("package.invalid_kind", `${JSON.stringify(kind.slice(0, 80))} is not a kind.`, {
    details: { kind },
    hint: "1 to 64 of a-z, 0-9, dots, underscores and hyphens; packages of kind release come of releases.",
  });
}

/** Producer, subject, case: one line of text for people and filters; null for none. */
export function checkField(name: string, value: string | null | undefined): string | null {
  if (value === undefined || value === null || value === "") return null;
  const bytes = Buffer.byteLength(value);
  if (isWellFormed(value) && bytes <= MAX_FIELD_BYTES && !/\p{Cc}/u.test(value)) return value;
  throw packageErrors.error("package.invalid_field", `${name} is too long, or holds control characters.`, {
    details: { field: name, bytes, limit: MAX_FIELD_BYTES },
  });
}

export function checkKey(key: string | null | undefined): string | null {
  if (key === undefined || key === null) return null;
  if (/^[A-Za-z0-9._:-]{1,128}$/.test(key)) return key;
  throw packageErrors.error("package.invalid_key", `${JSON.stringify(key.slice(0, 140))} is not a key.`);
}

export function checkRetentionClass(name: string): string {
  if ((retentionClassNames as readonly string[]).includes(name)) return name;
  throw retentionErrors.error(
    "retention.unknown_class",
    `There is no retention class ${name.slice(0, 80)}.`,
    {
      details: { retention_class: name, known: retentionClassNames },
    },
  );
}

/** A reason that must be given. */
export function checkRequiredReason(reason: string | null | undefined): string {
  const given = checkReason(reason)?.trim() ?? "";
  if (given !== "") return given;
  throw retentionErrors.error("retention.reason_required", "Say why.", {
    hint: "The reason stands in the package's history.",
  });
}

/** Kept as given; it must survive canonical encoding. */
export function checkPackageMetadata(metadata: JsonObject | undefined): JsonObject {
  if (metadata === undefined) return {};
  const scalars = Object.entries(metadata).filter(([, value]) => value === null || typeof value !== "object");
  const refuse = (message: string, details: Record<string, unknown>) =>
    packageErrors.error("package.invalid_metadata", message, { details });
  const bytes = encodeCanonical(metadata).length;
  if (bytes > MAX_METADATA_BYTES) {
    throw refuse("The metadata is too large.", { bytes, limit: MAX_METADATA_BYTES });
  }
  if (scalars.length > MAX_SCALARS) {
    throw refuse(`The metadata has more than ${MAX_SCALARS} scalars at its top.`, {
      scalars: scalars.length,
      limit: MAX_SCALARS,
    });
  }
  const key = Object.keys(metadata).find((name) => Buffer.byteLength(name) > MAX_METADATA_KEY_BYTES);
  if (key !== undefined) {
    throw refuse("A key of the metadata is too long.", { key, limit: MAX_METADATA_KEY_BYTES });
  }
  return metadata;
}

/** A logical path in its normal form (NFC). The limits are answers.md's: what every file system can hold. */
export function checkPath(path: string): string {
  const normal = path.normalize("NFC");
  const segments = normal.split("/");
  const isPath =
    isWellFormed(path) &&
    Buffer.byteLength(normal) <= MAX_PATH_BYTES &&
    !/[\\\p{Cc}]/u.test(normal) &&
    segments.every(
      (segment) =>
        segment !== "" &&
        segment !== "." &&
        segment !== ".." &&
        Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES,
    );
  if (isPath) return normal;
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  throw packageErrors.error("package.invalid_path", `${JSON.stringify(shown)} is not a path in a package.`, {
    details: { path: shown },
    hint: "Relative, with slashes between segments; no . or .., no empty segment, backslash or control character.",
  });
}

/**
 * The files of one request, each path once. Raises `package.too_many_files`, `package.invalid_path`, `package.invalid_field`,
 * `package.duplicate_path`.
 */
export function checkFiles(files: readonly PackageFileRequest[]): readonly CheckedFile[] {
  if (files.length > MAX_FILES_A_REQUEST) throw tooManyFiles(files.length, MAX_FILES_A_REQUEST);
  const byForm = new Map<string, CheckedFile>();
  for (const file of files) {
    const path = checkPath(file.path);
    const checked = {
      path,
      folded: foldPath(path),
      sha256: file.sha256,
      mediaType: checkMediaType(file.media_type) ?? mediaTypeOf(path),
    };
    const other = byForm.get(checked.folded);
    if (other !== undefined && (other.path !== path || other.sha256 !== file.sha256)) {
      throw duplicatePath(path, other.path);
    }
    byForm.set(checked.folded, checked);
  }
  for (const { path, folded } of byForm.values()) {
    const above = directoriesAbove(folded).find((directory) => byForm.has(directory));
    if (above !== undefined) throw duplicatePath(path, byForm.get(above)!.path);
  }
  return [...byForm.values()];
}

/** `a`, `a/b` for `a/b/c`. */
export function directoriesAbove(path: string): string[] {
  const segments = path.split("/");
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join("/"));
}

/** `path` cannot stand beside `other`: it is the same, the same but for capitals, or one is a directory of the other. */
export function duplicatePath(path: string, other: string) {
  const message =
    path === other
      ? `The package has other bytes at ${path}.`
      : `${path} cannot stand beside ${other}: not every file system could hold both.`;
  return packageErrors.error("package.duplicate_path", message, { details: { path, collides_with: other } });
}

export function tooManyFiles(count: number, limit: number) {
  return packageErrors.error("package.too_many_files", `These are ${count} files; ${limit} are taken.`, {
    details: { count, limit },
  });
}

/** It stands in a header when the file is downloaded, so it is ASCII throughout. */
function checkMediaType(type: string | undefined): string | null {
  const given = checkField("media_type", type);
  if (given === null || /^[\w.+-]+\/[\w.+-]+(\s*;[ -~]*)?$/.test(given)) return given;
  throw packageErrors.error("package.invalid_field", `${given} is not a media type.`, {
    details: { field: "media_type" },
  });
}

/** What the name's extension stands for, as browsers and web servers have it. */
function mediaTypeOf(path: string): string {
  return mime.getType(path) ?? "application/octet-stream";
}
