import { fromTimestamp, toTimestamp } from "../base/clock.ts";
import { isWellFormed } from "../base/text.ts";
import type { JsonObject } from "../log/events.ts";
import { appErrors, channelErrors, releaseErrors, validationErrors } from "./errors.ts";

/**
 * The rules that a value must obey to enter the domain, one function and one code each. Every function answers the
 * value in its normal form, or raises.
 */

export const MAX_NOTES_BYTES = 64 * 1024;
export const MAX_METADATA_BYTES = 16 * 1024;
export const MAX_ARTIFACTS = 64;
const MAX_REASON_BYTES = 1024;
const MAX_FILENAME_BYTES = 255;

export function checkSlug(slug: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(slug)) return slug;
  throw appErrors.error("app.invalid_slug", `${quote(slug)} is not a slug.`, {
    details: { slug },
    hint: "1 to 63 of a-z, 0-9 and hyphens that are neither first nor last.",
  });
}

export function checkChannelName(name: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name)) return name;
  throw channelErrors.error("channel.invalid_name", `${quote(name)} is not a channel's name.`, {
    details: { channel: name },
    hint: "1 to 63 of a-z, 0-9, dots, underscores and hyphens, the first a letter or digit.",
  });
}

export function checkVersion(version: string): string {
  if (/^[0-9A-Za-z][0-9A-Za-z.+~-]{0,63}$/.test(version)) return version;
  throw releaseErrors.error("release.invalid_version", `${quote(version)} is not a version.`, {
    details: { version },
    hint: "1 to 64 of letters, digits, dots, plus signs, tildes and hyphens, the first a letter or digit.",
  });
}

/** No build is the empty text. */
export function checkBuild(build: string | undefined): string {
  if (build === undefined || /^([0-9A-Za-z][0-9A-Za-z.+~-]{0,63})?$/.test(build)) return build ?? "";
  throw releaseErrors.error("release.invalid_build", `${quote(build)} is not a build.`, {
    details: { build },
    hint: "Empty, or 1 to 64 of letters, digits, dots, plus signs, tildes and hyphens.",
  });
}

export function checkNotes(notes: string | null | undefined): string | null {
  if (notes === undefined || notes === null || notes === "") return null;
  const bytes = Buffer.byteLength(notes);
  if (isWellFormed(notes) && bytes <= MAX_NOTES_BYTES) return notes;
  throw releaseErrors.error("release.invalid_notes", "The notes are too long, or are not well-formed text.", {
    details: { bytes, limit: MAX_NOTES_BYTES },
  });
}

/** Metadata is kept as given; it must survive canonical encoding. */
export function checkMetadata(metadata: JsonObject | undefined): JsonObject {
  if (metadata === undefined) return {};
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= MAX_METADATA_BYTES) return metadata;
  throw releaseErrors.error("release.invalid_metadata", "The metadata is too large.", {
    details: { bytes, limit: MAX_METADATA_BYTES },
  });
}

/** Why somebody did something, in their words; null for no reason given. */
export function checkReason(reason: string | null | undefined): string | null {
  if (reason === undefined || reason === null || reason === "") return null;
  const bytes = Buffer.byteLength(reason);
  if (isWellFormed(reason) && bytes <= MAX_REASON_BYTES) return reason;
  throw validationErrors.error(
    "request.invalid_reason",
    "The reason is too long, or is not well-formed text.",
    {
      details: { bytes, limit: MAX_REASON_BYTES },
    },
  );
}

/** One segment of a logical path, NFC: no separator, no `.` or `..`, no control character. */
export function checkFilename(filename: string): string {
  const name = filename.normalize("NFC");
  const bytes = Buffer.byteLength(name);
  const isSegment =
    isWellFormed(filename) &&
    bytes > 0 &&
    bytes <= MAX_FILENAME_BYTES &&
    name !== "." &&
    name !== ".." &&
    !/[/\\\p{Cc}]/u.test(name);
  if (isSegment) return name;
  throw releaseErrors.error("release.invalid_filename", `${quote(filename)} is not a file name.`, {
    details: { filename, bytes, limit: MAX_FILENAME_BYTES },
  });
}

/** RFC 3339 in any offset; answered in UTC with milliseconds. */
export function checkTime(text: string): string {
  const ms = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i.test(text)
    ? fromTimestamp(text.toUpperCase())
    : Number.NaN;
  if (!Number.isNaN(ms) && isCalendarDay(text.slice(0, 10))) return toTimestamp(ms);
  throw validationErrors.error("request.invalid_time", `${quote(text)} is not a time.`, {
    details: { time: text },
    hint: "RFC 3339, such as 2026-11-20T15:00:00Z.",
  });
}

/** The runtime reads 30 February as 2 March. */
function isCalendarDay(day: string): boolean {
  return toTimestamp(fromTimestamp(`${day}T00:00:00.000Z`)).startsWith(day);
}

/** A value as an error message shows it: quoted, cut, without control characters. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
