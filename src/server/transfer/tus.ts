import type { Context, Hono } from "hono";
import { createMiddleware } from "hono/factory";

import type { UploadPiece, UploadRecord } from "../../registry/records/objects.ts";
import { checksumAlgorithms } from "../../registry/uploads/append-upload.ts";
import { httpErrors } from "../http-errors.ts";
import type { PartDeps, ServerEnv } from "../server-context.ts";
import { openBody } from "./body-chunks.ts";
import { closeUnread } from "./close-unread.ts";
import { reprDigest } from "./content-digest.ts";
import { checkUploadMetadata } from "./upload-metadata.ts";

const VERSION = "1.0.0";
const EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration";
/** The type of a piece. tus 1.0: "All PATCH requests MUST use Content-Type: application/offset+octet-stream". */
const PIECE_TYPE = "application/offset+octet-stream";

/**
 * Resumable uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload) with the extensions creation,
 * creation-with-upload, termination, checksum and expiration. An offset is answered once its bytes are durable, and the
 * last one together with the object's digests (`X-Checksum-SHA256`, `X-Checksum-BLAKE3`, `Repr-Digest`), its size, its
 * lease and whether it was known.
 */
export function mountTus(app: Hono<ServerEnv>, { settings, metrics }: PartDeps, idleMs?: number): void {
  const pieceOf = pieceReader(metrics, idleMs);
  app.on("OPTIONS", ["/api/uploads", "/api/uploads/:id"], (c) =>
    c.body(null, 204, {
      "Tus-Resumable": VERSION,
      "Tus-Version": VERSION,
      "Tus-Max-Size": String(settings.maxUploadBytes),
      "Tus-Extension": EXTENSIONS,
      "Tus-Checksum-Algorithm": checksumAlgorithms.join(","),
    }),
  );

  app.post("/api/uploads", closeUnread, speaksTus, async (c) => {
    const { registry } = c.var;
    const created = await registry.createUpload({
      size_bytes: lengthOf(c),
      metadata: checkUploadMetadata(c.req.header("Upload-Metadata")),
    });
    c.header("Location", `${c.var.baseUrl}/api/uploads/${created.id}`);
    // "The Client MAY include either the entirety or a chunk of the upload data in the body of the POST request."
    const upload =
      c.req.header("Content-Type") === PIECE_TYPE && created.object === null
        ? await registry.appendUpload(created.id, pieceOf(c, 0))
        : created;
    return answer(c, upload, 201);
  });

  // HEAD is answered by what answers GET; a GET of its own the protocol does not have.
  app.get("/api/uploads/:id", speaksTus, async (c) => {
    if (c.req.method === "GET") throw methodNotAllowed(c, "HEAD, PATCH, DELETE, OPTIONS");
    const upload = await c.var.registry.getUpload(c.req.param("id"));
    return answer(c, upload, 200, {
      "Upload-Length": String(upload.size_bytes),
      ...(upload.metadata === null ? {} : { "Upload-Metadata": upload.metadata }),
    });
  });

  const append = async (c: Context<ServerEnv>) => {
    if (c.req.header("Content-Type") !== PIECE_TYPE) {
      throw httpErrors.error("request.unsupported_media_type", `A piece of an upload is ${PIECE_TYPE}.`);
    }
    const offset = numberIn(c, "Upload-Offset");
    return answer(c, await c.var.registry.appendUpload(idOf(c), pieceOf(c, offset)), 204);
  };
  const end = async (c: Context<ServerEnv>) => {
    await c.var.registry.endUpload(idOf(c));
    return c.body(null, 204);
  };
  app.patch("/api/uploads/:id", closeUnread, speaksTus, append);
  app.delete("/api/uploads/:id", speaksTus, end);
  // "The Server MUST interpret this as the request's method" for clients that can send nothing but GET and POST.
  app.post("/api/uploads/:id", closeUnread, speaksTus, (c) => {
    const method = c.req.header("X-HTTP-Method-Override");
    if (method === "PATCH") return append(c);
    if (method === "DELETE") return end(c);
    throw methodNotAllowed(c, "HEAD, PATCH, DELETE");
  });
  app.all("/api/uploads", (c) => {
    throw methodNotAllowed(c, "POST, OPTIONS");
  });
  app.all("/api/uploads/:id", (c) => {
    throw methodNotAllowed(c, "HEAD, PATCH, DELETE, OPTIONS");
  });
}

/** "If the version specified by the Client is not supported by the Server, it MUST respond with the 412 …" */
const speaksTus = createMiddleware<ServerEnv>(async (c, next) => {
  c.header("Tus-Resumable", VERSION);
  if (c.req.header("Tus-Resumable") !== VERSION) {
    c.header("Tus-Version", VERSION);
    throw httpErrors.error("request.tus_version", `Tus-Resumable must be ${VERSION}.`, {
      details: { versions: [VERSION] },
    });
  }
  await next();
});

function answer(
  c: Context<ServerEnv>,
  upload: UploadRecord,
  status: 200 | 201 | 204,
  headers: Record<string, string> = {},
): Response {
  return c.body(null, status, {
    ...headers,
    "Upload-Offset": String(upload.offset),
    // The protocol asks for the date format of HTTP, RFC 9110.
    "Upload-Expires": new Date(upload.expires_at).toUTCString(),
    "Cache-Control": "no-store",
    ...objectHeaders(upload.object),
  });
}

function objectHeaders(object: UploadRecord["object"]): Record<string, string> {
  if (object === null) return {};
  return {
    "X-Checksum-SHA256": object.sha256,
    "X-Checksum-BLAKE3": object.blake3,
    "Repr-Digest": reprDigest(object.sha256),
    "X-Object-Size": String(object.size_bytes),
    "X-Object-Existed": String(object.existed),
    "X-Lease-Expires-At": object.lease_expires_at,
  };
}

function pieceReader(metrics: PartDeps["metrics"], idleMs: number | undefined) {
  return (c: Context<ServerEnv>, offset: number): UploadPiece => {
    const body = openBody(c.env, metrics, idleMs);
    const length = c.req.header("Content-Length");
    return {
      offset,
      sizeBytes: length === undefined ? undefined : Number(length),
      open: () => body.read(),
      checksum: checksumOf(c.req.header("Upload-Checksum")),
      signal: body.signal,
    };
  };
}

/** "The Upload-Checksum request header … MUST consist of the name of the used checksum algorithm and the Base64 encoded checksum separated by a space." */
function checksumOf(header: string | undefined): UploadPiece["checksum"] {
  if (header === undefined) return undefined;
  const [, name, encoded = ""] = /^(\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(header.trim()) ?? [];
  const algorithm = checksumAlgorithms.find((one) => one === name);
  if (algorithm !== undefined) return { algorithm, digest: Buffer.from(encoded, "base64") };
  throw httpErrors.error(
    "request.invalid_parameter",
    `Upload-Checksum is one of ${checksumAlgorithms.join(", ")}, a space, and Base64.`,
  );
}

function lengthOf(c: Context<ServerEnv>): number {
  if (c.req.header("Upload-Defer-Length") !== undefined) {
    throw httpErrors.error("request.invalid_parameter", "The length of an upload is said when it begins.");
  }
  return numberIn(c, "Upload-Length");
}

function numberIn(c: Context<ServerEnv>, name: string): number {
  const text = c.req.header(name);
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  throw httpErrors.error("request.invalid_parameter", `The header ${name} is a whole number.`);
}

function idOf(c: Context<ServerEnv>): string {
  return c.req.param("id") ?? "";
}

function methodNotAllowed(c: Context<ServerEnv>, allow: string): Error {
  c.header("Allow", allow);
  return httpErrors.error("request.method_not_allowed", `This address does not take ${c.req.method}.`);
}
