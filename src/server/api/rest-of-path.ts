import { httpErrors } from "../http-errors.ts";

/**
 * What an address has in the place of a route's `{path}`: a logical path, each segment decoded once. A slash that is encoded would be
 * another segment to one reader and a part of the name to another, so it is refused. Raises `request.invalid_parameter`.
 */
export function restOfPath(url: string, routePath: string): string {
  // As it was sent: `URL` would take `..` out.
  const path = url.replace(/^[^:]+:\/\/[^/]*/, "").replace(/[?#].*$/s, "");
  const isBelowApi = path.startsWith("/api/") && !routePath.startsWith("/api/");
  const before = routePath.split("/").length - 1 + (isBelowApi ? 1 : 0);
  return path
    .split("/")
    .slice(before)
    .map((segment) => decoded(segment))
    .join("/");
}

function decoded(segment: string): string {
  const text = decodeOrNothing(segment);
  if (text !== undefined && !text.includes("/")) return text;
  throw httpErrors.error("request.invalid_parameter", "The path in the address cannot be read.", {
    details: { parameter: "path", segment: segment.slice(0, 255) },
    hint: "Each segment is percent-encoded UTF-8 by itself; the slashes between them are not encoded.",
  });
}

function decodeOrNothing(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
