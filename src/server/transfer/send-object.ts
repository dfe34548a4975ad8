import type { Context } from "hono";

import type { ServerSettings } from "../../config/server-settings.ts";
import type { OpenedObject } from "../../registry/records/objects.ts";
import { isNamed } from "../conditional.ts";
import { httpErrors } from "../http-errors.ts";
import type { PartDeps, ServerEnv } from "../server-context.ts";
import { type ByteRange, chooseRanges } from "./byte-ranges.ts";
import { reprDigest } from "./content-digest.ts";
import { attachment } from "./content-disposition.ts";
import { sendBytes } from "./send-bytes.ts";

/** Where the proxy has the store directory, for its own use only (`deploy/nginx.conf`). */
const ACCEL_PREFIX = "/protected/";

/** How long an address of the object store's works: a client is there at once, and a resumed download asks here again. */
const PRESIGNED_SECONDS = 3_600;

/**
 * Answers GET and HEAD with an object: whole, in ranges, or 304. Redirects to the object store where that is to send the bytes, and
 * names the file to the proxy in front where that one is. `onBegin` is called when the answer is to bring the first byte, from wherever. Raises `request.range_not_satisfiable`.
 */
export async function sendObject(
  c: Context<ServerEnv>,
  object: OpenedObject,
  { settings, log, metrics }: Pick<PartDeps, "settings" | "log" | "metrics">,
  onBegin: () => void = () => {},
): Promise<Response> {
  const etag = `"${object.sha256}"`;
  const headers = headersOf(object, etag, c.var.principal.actor === "anonymous");
  if (isNamed(c.req.header("If-None-Match"), etag, { weak: true })) return c.body(null, 304, headers);
  const content = { ...headers, ...contentHeaders(object) };
  const elsewhere = c.req.method === "GET" ? await addressElsewhere(object) : null;
  // Not kept by anybody: the next one to ask may not be allowed to, and the address ends.
  const isBeginning = c.req.method === "GET" && bringsFirstByte(c.req.header("Range"), object.size_bytes);
  if (elsewhere !== null) {
    if (isBeginning) onBegin();
    return c.body(null, 302, { Location: elsewhere, "Cache-Control": "no-store" });
  }
  const handedOver = sentByProxy(settings.sendFile, object);
  if (handedOver !== undefined) {
    if (isBeginning) onBegin();
    return c.body(null, 200, { ...content, ...handedOver });
  }
  // Not above: a proxy that sends the file says this itself, and it would stand twice.
  const described = { ...content, "Accept-Ranges": "bytes" };
  const ranges = rangesOf(c, object.size_bytes, etag);
  if (isBeginning || (ranges === undefined && c.req.method === "GET")) onBegin();
  if (c.req.method === "HEAD" || object.size_bytes === 0) {
    return c.body(null, 200, { ...described, "Content-Length": `${object.size_bytes}` });
  }
  return sendBytes(c, { object, ranges, headers: described, log, metrics });
}

/** Where the object store itself gives the bytes, under the same name and type; null where they are sent from here. */
async function addressElsewhere(object: OpenedObject): Promise<string | null> {
  // An icon is small, and stands on pages whose policy lets the browser take nothing from elsewhere.
  if (object.filename === null && object.content_type.startsWith("image/")) return null;
  const disposition = attachment(object.filename, object.sha256);
  const { content_type: contentType } = object;
  return object.presign({ disposition, contentType, expiresInSeconds: PRESIGNED_SECONDS });
}

/** The header that names the file to the proxy in front, which sends it; undefined where this server does. */
function sentByProxy(
  sendFile: ServerSettings["sendFile"],
  { physical_key: key, file_url: url }: OpenedObject,
): Record<string, string> | undefined {
  if (sendFile === "x-accel" && key !== null) return { "X-Accel-Redirect": `${ACCEL_PREFIX}${key}` };
  // The absolute path. Apache and lighttpd decode it, which a header that takes only ASCII needs for other names.
  if (sendFile === "x-sendfile" && url !== null) return { "X-Sendfile": new URL(url).pathname };
  return undefined;
}

/** What is said with 200, 206 and 304 alike. */
function headersOf(object: OpenedObject, etag: string, isAnonymous: boolean): Record<string, string> {
  return {
    ETag: etag,
    // Bytes of a digest never change; but what somebody may read today with a token may be forbidden tomorrow.
    "Cache-Control":
      object.is_public && isAnonymous ? "public, max-age=31536000, immutable" : "private, no-cache",
    Vary: "Authorization",
  };
}

/**
 * Objects come from whoever may publish. None of them may ever run on this origin, where it could use a person's session:
 * they are saved and not shown, types are not guessed, and what is shown nevertheless is in a sandbox.
 */
function contentHeaders(object: OpenedObject): Record<string, string> {
  return {
    "Content-Type": object.content_type,
    "Content-Disposition": attachment(object.filename, object.sha256),
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "X-Checksum-SHA256": object.sha256,
    "X-Checksum-BLAKE3": object.blake3,
    "Repr-Digest": reprDigest(object.sha256),
  };
}

/** False for the rest of a download that was cut, and for parts taken beside its beginning. */
function bringsFirstByte(range: string | undefined, sizeBytes: number): boolean {
  const choice = range === undefined ? "whole" : chooseRanges(range, sizeBytes);
  if (typeof choice === "string") return choice === "whole";
  return choice.some(({ start }) => start === 0);
}

/** Undefined for the whole object. Raises `request.range_not_satisfiable`. */
function rangesOf(c: Context<ServerEnv>, sizeBytes: number, etag: string): readonly ByteRange[] | undefined {
  const header = c.req.header("Range");
  // "A server MUST ignore a Range header field received with a request method … for which range handling is not defined."
  if (header === undefined || c.req.method !== "GET") return undefined;
  // Compared strongly, and there are no dates to compare (RFC 9110, 13.1.5).
  const ifRange = c.req.header("If-Range");
  if (ifRange !== undefined && ifRange !== etag) return undefined;
  const choice = chooseRanges(header, sizeBytes);
  if (choice === "whole") return undefined;
  if (choice !== "unsatisfiable") return choice;
  c.header("Content-Range", `bytes */${sizeBytes}`);
  throw httpErrors.error("request.range_not_satisfiable", `The object has ${sizeBytes} bytes.`, {
    details: { size_bytes: sizeBytes },
  });
}
