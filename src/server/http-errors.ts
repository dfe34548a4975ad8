import type { ContentfulStatusCode } from "hono/utils/http-status";

import { type DistError, type ErrorKind, errorFamily } from "../base/errors.ts";

/** The one table kind -> HTTP status. */
export const httpStatuses: Readonly<Record<ErrorKind, ContentfulStatusCode>> = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  unavailable: 503,
  internal: 500,
  corrupt: 500,
};

/** Refusals that belong to the protocol; each has a status of its own. */
export const httpErrors = errorFamily({
  "request.not_found": { kind: "not_found", about: "There is nothing at this address." },
  "request.method_not_allowed": {
    kind: "invalid",
    about: "The address takes other methods; `Allow` lists them.",
  },
  "request.timeout": { kind: "invalid", about: "The request did not arrive in time." },
  "request.length_required": { kind: "invalid", about: "The request needs a Content-Length." },
  "request.precondition_failed": { kind: "conflict", about: "The resource is not as `If-Match` asks." },
  "request.unsupported_media_type": {
    kind: "invalid",
    about: "The body is of a type that is not taken here.",
  },
  "request.range_not_satisfiable": { kind: "invalid", about: "The range does not lie within the bytes." },
  "request.too_many_attempts": {
    kind: "denied",
    about: "Too many failed credentials came from this address.",
  },
  "request.headers_too_large": { kind: "too_large", about: "The headers are larger than 8 KiB." },
  "request.body_too_large": { kind: "too_large", about: "The body is larger than is taken here." },
  "request.tus_version": {
    kind: "conflict",
    about: "The header Tus-Resumable names no version that is spoken here; `Tus-Version` lists them.",
  },
  "metrics.incomplete": {
    kind: "unavailable",
    about: "A worker did not give its figures in time: a sum without them would look like a restart.",
  },
  "request.invalid_body": {
    kind: "invalid",
    about: "The body is not the JSON that the route takes; `details` says where.",
  },
  "request.invalid_parameter": {
    kind: "invalid",
    about: "A path or query parameter is not what the route takes.",
  },
});

/** `request.not_found`, of an address that leads nowhere. */
export function nothingHere(): DistError {
  return httpErrors.error("request.not_found", "There is nothing at this address.");
}

/** Statuses by code, for the codes whose status is not their kind's. */
const protocolStatuses: Readonly<Record<string, ContentfulStatusCode>> = {
  "request.method_not_allowed": 405,
  "request.timeout": 408,
  "request.length_required": 411,
  "request.precondition_failed": 412,
  "request.unsupported_media_type": 415,
  "request.range_not_satisfiable": 416,
  "request.too_many_attempts": 429,
  "request.headers_too_large": 431,
  "request.tus_version": 412,
  // tus 1.0: "460 Checksum Mismatch", a status of its own that no list has.
  "upload.checksum_mismatch": 460 as ContentfulStatusCode,
};

/** The HTTP status of an error. */
export function statusOf(error: DistError): ContentfulStatusCode {
  return protocolStatuses[error.code] ?? httpStatuses[error.kind];
}
