import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

/** One body: `first`, then zeros as the rest of a chunk, then as many chunks of zeros as make up the size. */
export interface UploadBody {
  readonly first: Uint8Array;
  readonly sizeBytes: number;
}

/** Written at once; the client's own memory is not what is measured. */
const CHUNK_BYTES = 1024 ** 2;
const zeros = Buffer.alloc(CHUNK_BYTES);

/** The body's chunks, as they are sent. */
export function* chunksOf({ first, sizeBytes }: UploadBody): Generator<Uint8Array> {
  const head = Buffer.alloc(CHUNK_BYTES);
  head.set(first);
  for (let offset = 0; offset < sizeBytes; offset += CHUNK_BYTES) {
    const chunk = offset === 0 ? head : zeros;
    yield chunk.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - offset));
  }
}

/** Sends a body in one request, as fast as the server takes it. Resolves to the answer; raises when that is an error. */
export async function sendUpload(
  url: string,
  body: UploadBody,
  {
    method,
    headers,
  }: { readonly method: "POST" | "PUT"; readonly headers?: Readonly<Record<string, string>> },
): Promise<{ readonly text: string; readonly headers: IncomingMessage["headers"] }> {
  const outgoing = request(url, {
    method,
    agent: false,
    headers: { ...headers, "Content-Length": body.sizeBytes, "Content-Type": "application/octet-stream" },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
  for (const chunk of chunksOf(body)) {
    if (!outgoing.write(chunk)) await new Promise((resolve) => outgoing.once("drain", resolve));
  }
  outgoing.end();
  const answer = await answered;
  const said = await text(answer);
  if (answer.statusCode === undefined || answer.statusCode >= 300) {
    throw new Error(`${method} ${url} was answered ${answer.statusCode}: ${said}`);
  }
  return { text: said, headers: answer.headers };
}
