import { createHash } from "node:crypto";

import { DistError } from "../../base/errors.ts";
import { httpErrors } from "../http-errors.ts";

/** The headers of what a GET answers: caches ask each time, and tell callers apart. */
const READ_HEADERS = { Vary: "Accept, Authorization", "Cache-Control": "private, no-cache" };

/** The strong entity tag of these bytes. */
export function etagOf(body: string): string {
  return `"${createHash("sha256").update(body).digest("base64url")}"`;
}

/** What a GET answers: the JSON with its entity tag, or 304 for those who have it. */
export function readAnswer(request: Request, body: string): Response {
  const etag = etagOf(body);
  const headers = { ...READ_HEADERS, ETag: etag };
  if (isNamed(request.headers.get("If-None-Match"), etag, { weak: true })) {
    return new Response(null, { status: 304, headers });
  }
  const length = String(Buffer.byteLength(body));
  return new Response(body, {
    headers: { ...headers, "Content-Type": "application/json", "Content-Length": length },
  });
}

/**
 * Raises `request.precondition_failed` unless the resource is as `If-Match` asks. `current` gives the bytes that a GET
 * answers now; a resource that is not there has none.
 */
export async function requireMatch(request: Request, current: () => Promise<string>): Promise<void> {
  const asked = request.headers.get("If-Match");
  if (asked === null) return;
  const etag = await current().then(etagOf, (error: unknown) => {
    if (error instanceof DistError && error.kind === "not_found") return null;
    throw error;
  });
  if (etag !== null && isNamed(asked, etag, { weak: false })) return;
  throw httpErrors.error("request.precondition_failed", "It is not as `If-Match` asks; read it again.", {
    details: { etag },
  });
}

/**
 * Whether a field of entity tags names this one. RFC 9110, 13.1: If-Match "MUST use the strong comparison function",
 * If-None-Match "the weak comparison function".
 */
function isNamed(field: string | null, etag: string, { weak }: { weak: boolean }): boolean {
  if (field === null) return false;
  if (field.trim() === "*") return true;
  const tags = field.split(",").map((tag) => tag.trim());
  return tags.some((tag) => (weak ? tag.replace(/^W\//, "") : tag) === etag);
}
