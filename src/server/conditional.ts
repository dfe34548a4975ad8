import { createHash } from "node:crypto";

import { DistError } from "../base/errors.ts";
import { httpErrors } from "./http-errors.ts";

/** An answer's bytes and their entity tag. */
export interface Finished {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

/** Bytes, or those of a text, with the strong entity tag that is theirs. */
export function finish(content: string | Uint8Array): Finished {
  const body = Buffer.from(content);
  return { body, etag: `"${createHash("sha256").update(body).digest("base64url")}"` };
}

/** The headers of what a GET answers. */
export interface ReadHeaders {
  /** With 304, too: how caches keep it and whom they tell apart. */
  readonly caching: Readonly<Record<string, string>>;
  /** Of the bytes: with 200 only. */
  readonly content: Readonly<Record<string, string>>;
}

/** What a GET answers: the bytes with their entity tag, or 304 for those who have them. */
export function readAnswer(
  request: Request,
  { body, etag }: Finished,
  { caching, content }: ReadHeaders,
): Response {
  const headers = { ...caching, ETag: etag };
  if (isNamed(request.headers.get("If-None-Match"), etag, { weak: true })) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(body, { headers: { ...headers, ...content, "Content-Length": `${body.length}` } });
}

/**
 * Raises `request.precondition_failed` unless the resource is as `If-Match` asks. `current` gives the bytes that a GET
 * answers now; a resource that is not there has none.
 */
export function requireMatch(request: Request, current: () => Promise<string>): Promise<void> {
  return requireTag(request, async () => finish(await current()).etag);
}

/** As `requireMatch`, of a resource whose entity tag is known without its bytes. */
export async function requireTag(request: Request, current: () => Promise<string>): Promise<void> {
  const asked = request.headers.get("If-Match");
  if (asked === null) return;
  const etag = await current().catch((error: unknown) => {
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
export function isNamed(
  field: string | null | undefined,
  etag: string,
  { weak }: { weak: boolean },
): boolean {
  if (field === null || field === undefined) return false;
  if (field.trim() === "*") return true;
  const tags = field.split(",").map((tag) => tag.trim());
  const wanted = opaque(etag, weak);
  return tags.some((tag) => opaque(tag, weak) === wanted);
}

/** RFC 9110, 8.8.3.2: compared weakly, tags are the same "regardless of either or both being tagged as 'weak'". */
function opaque(tag: string, weak: boolean): string {
  return weak ? tag.replace(/^W\//, "") : tag;
}
