import { packageErrors } from "../../registry/errors.ts";

/** `.` and `..` in every way to write them: whoever reads an address takes them out. */
const DOTS = /^(\.|%2e){1,2}$/i;

/**
 * What an address has in the place of a route's `{path}`: a logical path, each segment decoded once. An encoded slash would be
 * another segment to one reader and a part of the name to another, and what dots leave is not what was asked for: both are refused.
 * `target` is the address as it was sent. Raises `package.invalid_path`.
 */
export function restOfPath(target: string, routePath: string): string {
  const path = target.replace(/^[a-z]+:\/\/[^/]*/i, "").replace(/[?#].*$/s, "");
  const segments = path.split("/");
  if (segments.some((segment) => DOTS.test(segment))) throw unreadable(path);
  const isBelowApi = path.startsWith("/api/") && !routePath.startsWith("/api/");
  const before = routePath.split("/").length - 1 + (isBelowApi ? 1 : 0);
  return segments
    .slice(before)
    .map((segment) => decoded(segment))
    .join("/");
}

function decoded(segment: string): string {
  const text = decodeOrNothing(segment);
  if (text === undefined || text.includes("/")) throw unreadable(segment);
  return text;
}

function decodeOrNothing(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function unreadable(part: string) {
  return packageErrors.error("package.invalid_path", "The address names no path in a package.", {
    details: { path: part.slice(0, 200) },
    hint: "Each segment is percent-encoded UTF-8 by itself, without . and .., and the slashes between them are not encoded.",
  });
}
