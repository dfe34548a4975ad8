import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a request is, for rules to choose by: the operation as S3 calls it. */
export interface SeenRequest {
  readonly operation: string;
  readonly path: string;
  readonly range: string | undefined;
}

/** What goes wrong with a request. */
export type Fault =
  /** Answered by the proxy; the store never sees it. */
  | { readonly kind: "refuse"; readonly status: number; readonly code: string }
  /** Done by the store; the answer is lost. */
  | { readonly kind: "lose" }
  /** The answer's body breaks off after so many bytes. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** One byte of the answer's body is another. */
  | { readonly kind: "damage answer"; readonly at: number }
  /** One byte of the request's body is another. */
  | { readonly kind: "damage request" }
  /** The answer says another ETag, in its head and in its body. */
  | { readonly kind: "another etag"; readonly etag: string }
  /** No answer ever. */
  | { readonly kind: "silence" };

export interface FaultProxy {
  readonly endpoint: string;
  /** Every request so far. */
  readonly seen: readonly SeenRequest[];
  /** Asked for every request, in order. */
  rule: (seen: SeenRequest) => Fault | undefined;
  /** How many connections from the client are open. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

/** Stands in front of an object store and lets things go wrong. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const seen: SeenRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    const described = describeRequest(incoming);
    seen.push(described);
    const fault = proxy.rule(described);
    incoming.on("error", () => {});
    outgoing.on("error", () => {});
    if (fault?.kind === "refuse") refuse(incoming, outgoing, fault);
    else if (fault?.kind !== "silence") forward(target, incoming, outgoing, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${port}`,
    seen,
    rule: () => undefined,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

/** A rule that lets the first `times` requests of an operation go wrong. */
export function first(times: number, operation: string, fault: Fault): FaultProxy["rule"] {
  let left = times;
  return (seen) => (seen.operation === operation && left-- > 0 ? fault : undefined);
}

/** A rule that lets every request of an operation go wrong. */
export function every(operation: string, fault: Fault): FaultProxy["rule"] {
  return (seen) => (seen.operation === operation ? fault : undefined);
}

function describeRequest({ method = "", url = "", headers }: IncomingMessage): SeenRequest {
  const { pathname, searchParams } = new URL(url, "http://store");
  return { operation: operationOf(method, searchParams, headers), path: pathname, range: headers.range };
}

function operationOf(method: string, query: URLSearchParams, headers: IncomingMessage["headers"]): string {
  const isCopy = headers["x-amz-copy-source"] !== undefined;
  if (method === "PUT" && query.has("partNumber")) return isCopy ? "UploadPartCopy" : "UploadPart";
  if (method === "PUT" && query.has("retention")) return "PutObjectRetention";
  if (method === "PUT") return isCopy ? "CopyObject" : "PutObject";
  if (method === "POST") return query.has("uploads") ? "CreateMultipartUpload" : "CompleteMultipartUpload";
  if (method === "GET" && query.get("x-id") === "GetObject") return "GetObject";
  return { HEAD: "HeadObject", DELETE: "DeleteObject" }[method] ?? "other";
}

/** Takes the body first: an answer in its midst closes the connection, which is another fault. */
function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, code }: { status: number; code: string },
): void {
  incoming.resume().on("end", () => {
    outgoing.writeHead(status, { "Content-Type": "application/xml" });
    outgoing.end(
      incoming.method === "HEAD" ? undefined : `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`,
    );
  });
}

function forward(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault | undefined,
): void {
  const { method, url = "", headers } = incoming;
  const sent = request(new URL(url, target), { method, headers, agent: false }, (answer) => {
    answer.on("error", () => outgoing.destroy());
    if (fault?.kind === "lose") answer.resume().on("end", () => outgoing.destroy());
    else if (fault === undefined || fault.kind === "damage request") pass(answer, outgoing);
    else void altered(answer, outgoing, fault);
  });
  sent.on("error", () => outgoing.destroy());
  // Who goes away here goes away there.
  outgoing.on("close", () => sent.destroy());
  if (fault?.kind !== "damage request") {
    incoming.pipe(sent);
    return;
  }
  let isDamaged = false;
  incoming.on("end", () => sent.end());
  incoming.on("data", (chunk: Buffer) => {
    if (!isDamaged) chunk[0]! ^= 1;
    isDamaged = true;
    sent.write(chunk);
  });
}

function pass(answer: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.pipe(outgoing);
}

async function altered(answer: IncomingMessage, outgoing: ServerResponse, fault: Fault): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(answer as AsyncIterable<Buffer>));
  const { etag: _etag, ...headers } = answer.headers;
  if (fault.kind === "another etag") {
    const text = body.toString("latin1").replaceAll(/(<ETag>)[^<]*/g, `$1&quot;${fault.etag}&quot;`);
    const { "content-length": length, "transfer-encoding": _, ...rest } = headers;
    const size = body.length === 0 ? (length ?? "0") : String(text.length);
    outgoing.writeHead(answer.statusCode ?? 502, {
      ...rest,
      etag: `"${fault.etag}"`,
      "content-length": size,
    });
    outgoing.end(text, "latin1");
    return;
  }
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  if (fault.kind === "cut") {
    outgoing.write(body.subarray(0, fault.afterBytes), () => outgoing.destroy());
    return;
  }
  if (fault.kind === "damage answer") body[fault.at]! ^= 1;
  outgoing.end(body);
}
