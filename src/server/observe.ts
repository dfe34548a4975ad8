import { randomUUID } from "node:crypto";

import type { MiddlewareHandler } from "hono";

import { loggedPath } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { ServerDeps, ServerEnv } from "./server-context.ts";

/** On every answer: no guessing of types, no addresses told to other sites, no frames (clickjacking). */
export const securityHeaders = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
} as const;

/** What monitors ask every few seconds: not worth a line each. */
const QUIET_PATHS = new Set(["/healthz", "/readyz", "/metrics"]);

/** Gives every request an id and the security headers, and notes its end in the log and the metrics. */
export function observe({ log }: ServerDeps, metrics: Metrics): MiddlewareHandler<ServerEnv> {
  return async (c, next) => {
    const startMs = performance.now();
    const requestId = randomUUID();
    c.set("requestId", requestId);
    const headers = { ...securityHeaders, "X-Request-Id": requestId };
    metrics.requestBegan();
    // Requests made in process have no connection.
    const { outgoing } = c.env as Partial<ServerEnv["Bindings"]>;
    const ended = (status: number, complete: boolean): void => {
      const durationMs = performance.now() - startMs;
      const { method, path } = c.req;
      metrics.requestEnded(method, status, durationMs);
      const line = {
        request_id: requestId,
        method,
        path: loggedPath(c.req.url),
        status,
        complete,
        duration_ms: Math.round(durationMs * 10) / 10,
        client_address: c.get("clientAddress") as string | undefined,
        actor: (c.get("principal") as ServerEnv["Variables"]["principal"] | undefined)?.actor,
      };
      log[QUIET_PATHS.has(path) ? "debug" : "info"](line, "request");
    };
    if (outgoing !== undefined) {
      // Set on Node's response: a route that writes to that one itself answers with them as well.
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
      outgoing.once("close", () => ended(outgoing.statusCode, outgoing.writableFinished));
      return next();
    }
    await next();
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
    ended(c.res.status, true);
  };
}
