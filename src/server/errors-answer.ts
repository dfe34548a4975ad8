import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import { HTTPException } from "hono/http-exception";

import { DistError } from "../base/errors.ts";
import { internalErrors } from "../base/internal-errors.ts";
import { errorPage } from "./pages/error-page.tsx";
import { pageHeaders } from "./pages/page-headers.ts";
import { httpErrors, nothingHere, statusOf } from "./http-errors.ts";
import type { ServerDeps, ServerEnv } from "./server-context.ts";

/** Answers whatever a route raised: a `DistError` as it is, anything else as `internal.unexpected`, with the details in the log. */
export function errorHandler({ log }: ServerDeps): ErrorHandler<ServerEnv> {
  return (error, c) => {
    const requestId = c.get("requestId");
    const answer = toAnswer(error, requestId);
    if (statusOf(answer) >= 500) {
      // A client that went away in the middle of its body is no fault of ours.
      const { incoming } = c.env as Partial<ServerEnv["Bindings"]>;
      const isGone = incoming !== undefined && incoming.destroyed && !incoming.complete;
      log[isGone ? "info" : "error"](
        { err: error, request_id: requestId, code: answer.code },
        "request failed",
      );
    }
    return answerError(c, answer);
  };
}

/** `request.not_found`. */
export const notFoundHandler: NotFoundHandler<ServerEnv> = (c) => answerError(c, nothingHere());

/** An error with its status, as JSON, or as a page where that is what the request accepts. */
function answerError(c: Context<ServerEnv>, error: DistError): Response | Promise<Response> {
  const status = statusOf(error);
  c.header("Vary", "Accept", { append: true });
  c.header("Cache-Control", "no-store");
  // RFC 9110, section 11.6.1: "A server generating a 401 response MUST send a WWW-Authenticate header field".
  if (status === 401) c.header("WWW-Authenticate", "Bearer");
  const { retry_after_seconds: retryAfter } = error.details;
  if (typeof retryAfter === "number") c.header("Retry-After", String(retryAfter));
  if (!wantsHtml(c.req.header("accept"))) return c.json(error.toJSON(), status);
  for (const [name, value] of Object.entries(pageHeaders)) c.header(name, value);
  return c.html(errorPage(error, status, c.get("requestId")), status);
}

function toAnswer(error: unknown, requestId: string): DistError {
  if (error instanceof DistError) return error;
  if (error instanceof HTTPException && error.status === 400) {
    return httpErrors.error("request.invalid_body", error.message || "The body cannot be read.", {
      cause: error,
    });
  }
  return internalErrors.error("internal.unexpected", "Something went wrong here.", {
    details: { request_id: requestId },
    hint: "The server's log holds what happened under this id.",
    cause: error,
  });
}

/** True when HTML is what the request accepts: a browser's page, not a program that takes anything. */
function wantsHtml(accept: string | undefined): boolean {
  const types = (accept ?? "").split(",").map((one) => one.trim().toLowerCase());
  const accepted = (type: string) =>
    types.some((one) => one.split(";")[0]?.trim() === type && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/.test(one));
  return accepted("text/html") && !accepted("application/json");
}
