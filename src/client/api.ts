import type { IncomingMessage } from "node:http";

import { clientErrors } from "./errors.ts";
import { exchange, type StreamedBody } from "./exchange.ts";
import { connectionFailure, notTheServer, refusal, Transient } from "./failures.ts";
import { retry, type Timing } from "./retry.ts";
import type { ServerAddress } from "./server-address.ts";

/** A hostile or broken server must not fill the memory. The largest answers are reports on a store. */
const maxAnswerBytes = 64 * 1024 * 1024;

export interface AnswerHead {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
}

export interface ApiRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the server's address, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Bytes to send instead; asked for anew at each attempt. */
  readonly body?: () => StreamedBody;
  readonly signal?: AbortSignal | undefined;
  /** True when a second run changes nothing. GET, HEAD, PUT and PATCH always are. */
  readonly repeatable?: boolean;
  /** True for work that the server does in silence. */
  readonly patient?: boolean;
}

/** Talks to one server with one token. */
export class Api {
  readonly #address: ServerAddress;
  readonly #token: string | undefined;
  readonly #timing: Timing;

  constructor(address: ServerAddress, token: string | undefined, timing: Timing) {
    this.#address = address;
    this.#token = token;
    this.#timing = timing;
  }

  /** The JSON that a request answers. Raises the server's errors and `client.*`. */
  call<T>(request: ApiRequest): Promise<T> {
    return this.#retried(request, async () => {
      const text = (await this.#body(await this.#open(request))).toString();
      try {
        return JSON.parse(text) as T;
      } catch {
        throw notTheServer(this.#address.origin, "answered something that is not JSON");
      }
    });
  }

  /** The bytes that a request answers. Raises what `call` raises. */
  bytes(request: ApiRequest): Promise<Uint8Array> {
    return this.#retried(request, async () => this.#body(await this.#open(request)));
  }

  /** The status and headers of an answer, refused or not: a HEAD has no body that could say why. */
  head(path: string): Promise<AnswerHead> {
    return this.#retried({ method: "HEAD", path }, () => this.headOnce({ method: "HEAD", path }));
  }

  /** As `head`, in one attempt. Raises `Transient` too. */
  async headOnce(request: ApiRequest): Promise<AnswerHead> {
    const response = await this.#exchange(request);
    response.resume();
    const { statusCode: status = 0, headers } = response;
    const error = refusal({ status, retryAfter: headers["retry-after"] }, "", this.#address.origin);
    if (error instanceof Transient) throw error;
    return { status, headers };
  }

  /** The headers of an answer without a body, in one attempt. Raises the server's errors, `client.*` and `Transient`. */
  async once(request: ApiRequest): Promise<IncomingMessage["headers"]> {
    const response = await this.#open(request);
    response.resume();
    return response.headers;
  }

  /** Runs what is made of single attempts, as `retry` does. */
  persist<T>(
    attempt: () => Promise<T>,
    options: { repeatable: boolean; progress?: () => number; signal?: AbortSignal | undefined },
  ): Promise<T> {
    return retry(attempt, { timing: this.#timing, ...options });
  }

  /** An answer whose body is to be streamed. `follow`: a redirect is followed, without the token. */
  open(request: ApiRequest, options: { follow?: boolean } = {}): Promise<IncomingMessage> {
    return this.#retried(request, () => this.#open(request, options.follow));
  }

  get origin(): string {
    return this.#address.origin;
  }

  #retried<T>(request: ApiRequest, attempt: () => Promise<T>): Promise<T> {
    const { signal, repeatable = !["POST", "DELETE"].includes(request.method) } = request;
    return retry(attempt, { timing: this.#timing, repeatable, signal });
  }

  async #open(request: ApiRequest, follow = false): Promise<IncomingMessage> {
    const response = await this.#exchange(request);
    if (isDone(response)) return response;
    const { location, "retry-after": retryAfter } = response.headers;
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400 && location !== undefined) {
      response.destroy();
      const target = URL.parse(location, this.#address.base + request.path);
      if (follow && target !== null) return this.#openElsewhere(target, request);
      throw redirected(this.#address.origin, target);
    }
    const text = (await this.#body(response)).toString();
    throw refusal({ status, retryAfter }, this.#redacted(text), this.#address.origin);
  }

  /** Fetches from the address that the server named, such as a signed one of its storage. The token stays here. */
  async #openElsewhere(url: URL, { method, headers = {}, signal }: ApiRequest): Promise<IncomingMessage> {
    const isWeaker = this.#address.origin.startsWith("https:") && url.protocol !== "https:";
    if (isWeaker || !/^https?:$/.test(url.protocol)) throw redirected(this.#address.origin, url);
    const { idleMs } = this.#timing;
    const response = await exchange(this.#address, { method, url, headers, signal, idleMs });
    if (isDone(response)) return response;
    response.destroy();
    const { statusCode: status = 0, headers: answered } = response;
    throw refusal({ status, retryAfter: answered["retry-after"] }, "", url.origin);
  }

  #exchange(request: ApiRequest): Promise<IncomingMessage> {
    const { method, signal } = request;
    const json = request.json === undefined ? undefined : JSON.stringify(request.json);
    const body = request.body?.();
    const headers: Record<string, string> = { accept: "application/json", ...request.headers };
    if (this.#token !== undefined) headers["authorization"] = `Bearer ${this.#token}`;
    if (json !== undefined) headers["content-type"] = "application/json";
    const sizeBytes = body?.sizeBytes ?? Buffer.byteLength(json ?? "");
    if (method !== "GET" && method !== "HEAD") headers["content-length"] = String(sizeBytes);
    const url = new URL(this.#address.base + request.path);
    const idleMs = request.patient ? undefined : this.#timing.idleMs;
    return exchange(this.#address, { method, url, headers, body: body ?? json, signal, idleMs });
  }

  async #body(response: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes)
          throw notTheServer(this.#address.origin, "answered more than anybody asked for");
        chunks.push(chunk);
      }
    } catch (error) {
      throw connectionFailure(error, this.#address.origin);
    }
    return Buffer.concat(chunks);
  }

  /** Some proxies show the request in their error pages; the token must not travel on from there into logs. */
  #redacted(text: string): string {
    return this.#token === undefined ? text : text.replaceAll(this.#token, "[secret]");
  }
}

function isDone(response: IncomingMessage): boolean {
  const { statusCode = 0 } = response;
  return statusCode >= 200 && statusCode < 300;
}

function redirected(origin: string, target: URL | null): Error {
  const place = target === null ? "elsewhere" : `to ${target.origin}`;
  return clientErrors.error(
    "client.redirected",
    `${origin} sends the request ${place}; it is not followed.`,
    {
      ...(target !== null && { details: { origin: target.origin } }),
      hint: "If that is the server's real address, give it with --server.",
    },
  );
}
