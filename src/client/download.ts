import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

import type { ObjectRange, ObjectRecord, OpenedObject } from "../registry/records/objects.ts";
import { path, query } from "./address-parts.ts";
import type { Api } from "./api.ts";
import { connectionFailure, notTheServer, Transient } from "./failures.ts";
import { leaseObject } from "./upload.ts";

/** How often a download that was cut goes on where it stopped. */
const maxResumptions = 5;

/** What the caller may know of an object; null when the server says nothing of it. */
export async function lookupObject(api: Api, sha256: string): Promise<ObjectRecord | null> {
  const { status, headers } = await api.head(path`/api/objects/${sha256}`);
  if (status === 200) return record(api, sha256, headers, headers["x-object-size"]);
  if (status === 404) return null;
  // The same rules, with an answer that says why.
  const { blake3, size_bytes } = await leaseObject(api, sha256);
  return { sha256, blake3, size_bytes };
}

/** Opens an object over HTTP: its headers now, its bytes when read. Raises what `Registry.openObject` says. */
export async function openObject(
  api: Api,
  sha256: string,
  options: { artifact?: string | undefined; channel?: string | undefined },
): Promise<OpenedObject> {
  const address = path`/download/${sha256}` + query({ artifact: options.artifact, channel: options.channel });
  return opened(api, sha256, await headersAt(api, address), address);
}

/**
 * Opens what stands at an address now. Its bytes are read by their digest: they stay the same where others take their place at the
 * address meanwhile.
 */
export async function openAt(api: Api, address: string): Promise<OpenedObject> {
  const headers = await headersAt(api, address);
  const sha256 = String(headers["x-checksum-sha256"]);
  return opened(api, sha256, headers, path`/download/${sha256}`);
}

async function headersAt(api: Api, address: string): Promise<IncomingMessage["headers"]> {
  const { status, headers } = await api.head(address);
  // The same request with a body raises why.
  if (status !== 200) (await openRange(api, address, { start: 0, end: 0 })).destroy();
  return headers;
}

function opened(
  api: Api,
  sha256: string,
  headers: IncomingMessage["headers"],
  address: string,
): OpenedObject {
  const object = record(api, sha256, headers, headers["content-length"]);
  const read = (range?: ObjectRange) =>
    readBytes(api, address, { start: range?.start ?? 0, end: range?.end ?? object.size_bytes - 1 });
  return {
    ...object,
    content_type: headers["content-type"] ?? "application/octet-stream",
    filename: filenameIn(headers["content-disposition"]),
    counted: null,
    is_public: /\bpublic\b/.test(headers["cache-control"] ?? ""),
    physical_key: null,
    file_url: null,
    read,
    readChunks: read,
    presign: async () => null,
  };
}

function record(
  api: Api,
  sha256: string,
  headers: IncomingMessage["headers"],
  size: string | string[] | undefined,
): ObjectRecord {
  const blake3 = headers["x-checksum-blake3"];
  if (headers["x-checksum-sha256"] !== sha256 || !/^\d+$/.test(String(size))) {
    throw notTheServer(api.origin, "answered for an object without its digest and size");
  }
  return { sha256, blake3: String(blake3 ?? ""), size_bytes: Number(size) };
}

/** Inclusive at both ends; the whole of an empty object ends before it starts. */
interface Range {
  readonly start: number;
  readonly end: number;
}

async function readBytes(api: Api, address: string, range: Range): Promise<Readable> {
  if (range.end < range.start) return Readable.from([], { objectMode: false });
  // Opened before anything is returned: what is wrong is raised here, not in the stream.
  let current = await openRange(api, address, range);
  async function* bytes(): AsyncGenerator<Buffer> {
    let at = range.start;
    for (let resumptions = 0; ; resumptions += 1) {
      try {
        for await (const chunk of current as AsyncIterable<Buffer>) {
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (cause) {
        const failure = connectionFailure(cause, api.origin);
        if (!(failure instanceof Transient)) throw failure;
        if (resumptions === maxResumptions) throw failure.error;
      }
      // The same digest is the same bytes: what follows may come from another answer.
      current = await openRange(api, address, { start: at, end: range.end });
    }
  }
  const stream = Readable.from(bytes(), { objectMode: false });
  // A reader that never begins would keep the connection for ever.
  stream.once("close", () => current.destroy());
  return stream;
}

async function openRange(api: Api, address: string, { start, end }: Range): Promise<IncomingMessage> {
  const response = await api.open(
    { method: "GET", path: address, headers: { accept: "*/*", range: `bytes=${start}-${end}` } },
    { follow: true },
  );
  // A server may ignore Range (RFC 9110 section 14.2); from the middle on that would be other bytes.
  if (response.statusCode === 206 || start === 0) return response;
  response.destroy();
  throw notTheServer(api.origin, "answered other bytes of an object than were asked for");
}

/** RFC 6266: `filename*` is preferred, `filename` is a quoted string or a token. */
export function filenameIn(disposition: string | undefined): string | null {
  if (disposition === undefined) return null;
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(disposition)?.[1];
  if (extended !== undefined) {
    try {
      return decodeURIComponent(extended);
    } catch {
      // The plain form beside it is good enough.
    }
  }
  const plain = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(disposition);
  return plain?.[1]?.replace(/\\(.)/g, "$1") ?? plain?.[2] ?? null;
}
