import type { IncomingMessage } from "node:http";

import { DistError } from "../base/errors.ts";
import type { UploadedObject, UploadPiece, UploadRecord } from "../registry/records/objects.ts";
import { path } from "./address-parts.ts";
import type { Api, ApiRequest } from "./api.ts";
import type { StreamedBody } from "./exchange.ts";
import { notTheServer } from "./failures.ts";

/** How uploads in pieces are spoken of on the wire: tus 1.0.0. */
const tus = { "tus-resumable": "1.0.0" };

/** Begins an upload. */
export async function createUpload(
  api: Api,
  request: { size_bytes: number; metadata?: string | null },
  signal?: AbortSignal,
): Promise<UploadRecord> {
  const { size_bytes: sizeBytes, metadata = null } = request;
  const response = await api.open({
    method: "POST",
    path: "/api/uploads",
    headers: {
      ...tus,
      "upload-length": String(sizeBytes),
      ...(metadata === null ? {} : { "upload-metadata": metadata }),
    },
    // A second one that nobody writes to expires by itself.
    repeatable: true,
    signal,
  });
  response.resume();
  const id = /\/(upl_[0-9a-z]+)$/.exec(response.headers.location ?? "")?.[1];
  if (id === undefined) throw notTheServer(api.origin, "began an upload without saying where");
  return record(api, { id, sizeBytes, metadata }, response.headers);
}

/** How far an upload has come, in one attempt. Raises `Transient` too. */
export async function getUpload(api: Api, id: string, signal?: AbortSignal): Promise<UploadRecord> {
  const request: ApiRequest = { method: "HEAD", path: path`/api/uploads/${id}`, headers: tus, signal };
  const { status, headers } = await api.headOnce(request);
  if (status === 404) throw new DistError("upload.not_found", "not_found", `You have no upload ${id}.`);
  if (status === 410) throw new DistError("upload.expired", "gone", "The upload stood still for too long.");
  if (status !== 200) throw notTheServer(api.origin, `answered ${status} when asked for an upload`);
  const metadata = headers["upload-metadata"];
  return record(
    api,
    {
      id,
      sizeBytes: numberOf(api, headers, "upload-length"),
      metadata: typeof metadata === "string" ? metadata : null,
    },
    headers,
  );
}

/** Sends a piece in one attempt; `sizeBytes` of the piece is needed. Raises `Transient` too. */
export async function appendUpload(
  api: Api,
  upload: Pick<UploadRecord, "id" | "size_bytes" | "metadata">,
  piece: Omit<UploadPiece, "checksum"> & { readonly onSent?: StreamedBody["onSent"] },
): Promise<UploadRecord> {
  const { offset, sizeBytes = upload.size_bytes - offset, onSent = () => {}, signal } = piece;
  const headers = await api.once({
    method: "PATCH",
    path: path`/api/uploads/${upload.id}`,
    headers: { ...tus, "upload-offset": String(offset), "content-type": "application/offset+octet-stream" },
    body: () => ({ sizeBytes, chunks: piece.open(), onSent }),
    signal,
  });
  return record(api, { ...upload, sizeBytes: upload.size_bytes }, headers);
}

/** Forgets an upload, in one attempt. Raises `Transient` too. */
export async function endUpload(api: Api, id: string, signal?: AbortSignal): Promise<void> {
  await api.once({ method: "DELETE", path: path`/api/uploads/${id}`, headers: tus, signal });
}

function record(
  api: Api,
  { id, sizeBytes, metadata }: { id: string; sizeBytes: number; metadata: string | null },
  headers: IncomingMessage["headers"],
): UploadRecord {
  return {
    id,
    size_bytes: sizeBytes,
    offset: numberOf(api, headers, "upload-offset"),
    metadata,
    expires_at: new Date(String(headers["upload-expires"])).toISOString(),
    object: objectIn(api, headers),
  };
}

function objectIn(api: Api, headers: IncomingMessage["headers"]): UploadedObject | null {
  const sha256 = headers["x-checksum-sha256"];
  if (sha256 === undefined) return null;
  return {
    sha256: String(sha256),
    blake3: String(headers["x-checksum-blake3"]),
    size_bytes: numberOf(api, headers, "x-object-size"),
    existed: headers["x-object-existed"] === "true",
    lease_expires_at: String(headers["x-lease-expires-at"]),
  };
}

function numberOf(api: Api, headers: IncomingMessage["headers"], name: string): number {
  const text = String(headers[name]);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw notTheServer(api.origin, `answered for an upload without ${name}`);
}
