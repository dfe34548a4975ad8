import { DistError, type ErrorKind, errnoOf } from "../base/errors.ts";
import { clientErrors } from "./errors.ts";

/** The one table HTTP status -> kind. What is not listed is `internal` from 500 on, else `invalid`. */
const kinds: Readonly<Record<number, ErrorKind>> = {
  400: "invalid",
  401: "unauthenticated",
  403: "denied",
  404: "not_found",
  409: "conflict",
  410: "gone",
  412: "conflict",
  413: "too_large",
  429: "unavailable",
  431: "too_large",
  500: "internal",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

/** Statuses that another attempt may not meet. */
const transientStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** A failure that another attempt may not meet. Never leaves the client: its `error` does. */
export class Transient extends Error {
  readonly error: DistError;
  /** True when the server certainly did nothing: even what must not run twice may be tried again. */
  readonly isUntouched: boolean;
  /** What the server asks to wait. */
  readonly afterMs: number | undefined;

  constructor(error: DistError, options: { isUntouched: boolean; afterMs?: number | undefined }) {
    super(error.message, { cause: error });
    this.error = error;
    this.isUntouched = options.isUntouched;
    this.afterMs = options.afterMs;
  }
}

/** What a refused request raises: the server's own error, or `client.unavailable` when the body says nothing. */
export function refusal(
  answer: { readonly status: number; readonly retryAfter: string | undefined },
  body: string,
  origin: string,
): DistError | Transient {
  const error =
    errorFrom(answer.status, body) ?? notTheServer(origin, `answered ${answer.status} without saying why`);
  if (!transientStatuses.has(answer.status)) return error;
  return new Transient(error, {
    isUntouched: answer.status === 429,
    afterMs: retryAfterMs(answer.retryAfter),
  });
}

/** An answer that no server of ours gives: a proxy's page, say. */
export function notTheServer(origin: string, what: string): DistError {
  return clientErrors.error("client.unavailable", `${origin} ${what}.`, {
    hint: "Is that the server's address, and nothing between that answers in its place?",
  });
}

/** What a failed connection raises. The message of `cause` is not shown: it may name a proxy with its password. */
export function connectionFailure(cause: unknown, origin: string): DistError | Transient {
  if (cause instanceof DistError) return cause;
  const errno = errnoOf(cause);
  if (errno !== undefined && TLS.test(errno)) {
    return clientErrors.error("client.tls", `${origin} cannot be trusted (${errno}).`, {
      details: { reason: errno },
      hint: "--ca-file FILE names the authority that signed its certificate, as PEM.",
      cause,
    });
  }
  const error = clientErrors.error(
    "client.unavailable",
    `The connection to ${origin} failed${errno === undefined ? "" : ` (${errno})`}.`,
    { details: errno === undefined ? {} : { reason: errno }, cause },
  );
  // A name that does not exist is a slip of the pen.
  if (errno === "ENOTFOUND") return error;
  return new Transient(error, { isUntouched: errno === "ECONNREFUSED" || errno === "EAI_AGAIN" });
}

/** Codes of OpenSSL's verification and of Node's TLS. */
const TLS =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|EPROTO)/;

function errorFrom(status: number, body: string): DistError | undefined {
  const error = (parse(body) as { error?: unknown } | null | undefined)?.error;
  if (typeof error !== "object" || error === null) return undefined;
  const { code, message, details, hint } = error as Record<string, unknown>;
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  return new DistError(code, kinds[status] ?? (status >= 500 ? "internal" : "invalid"), message, {
    details: typeof details === "object" && details !== null ? { ...details } : {},
    ...(typeof hint === "string" && { hint }),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** RFC 9110 section 10.2.3: "Retry-After = HTTP-date / delay-seconds". */
function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
