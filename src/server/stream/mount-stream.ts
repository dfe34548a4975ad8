import type { Context, Hono } from "hono";

import type { EventPage, EventRequest } from "../../registry/records/events.ts";
import { httpErrors } from "../http-errors.ts";
import type { ServerDeps, ServerEnv } from "../server-context.ts";
import { streamErrors } from "./errors.ts";
import { sendEvents, serverStops } from "./event-stream.ts";
import { Outbox } from "./outbox.ts";

/** What a server lets its streams cost. */
export interface StreamLimits {
  /** A stream that has nothing to say says so this often, so that proxies and readers know it lives. */
  readonly heartbeatMs: number;
  /** A reader may leave this many bytes unread, … */
  readonly bufferBytes: number;
  /** … and more than those for this long: memory must not grow with what nobody fetches. */
  readonly stallMs: number;
  /** A reader that does not take the end of its stream either loses the connection. */
  readonly graceMs: number;
  /** Open at once: each holds a connection and up to `bufferBytes`. */
  readonly maxStreams: number;
}

const streamLimits: StreamLimits = {
  heartbeatMs: 15_000,
  bufferBytes: 1024 * 1024,
  stallMs: 30_000,
  graceMs: 5_000,
  maxStreams: 256,
};

/** Events read from the log at once. */
const BATCH = 500;

/**
 * `GET /api/events?after=SEQ`, scope `audit`. A page `{log_id, head, items, next}` of up to `limit` events; where the
 * request accepts `text/event-stream`, Server-Sent Events without end: `hello` with `{log_id, head}`, then the events
 * under their types with their numbers as ids. `Last-Event-ID` beats `after`; `log_id` names the log they count in.
 *
 * Who may not read gets 401 or 403 before the stream begins. A stream checks its token again at every batch and every
 * heartbeat, after reading and before sending, so it ends (`dropped`) with the revocation, and at most a heartbeat after
 * the token's expiry. `close` ends all streams with `bye`, and those that are asked for later too.
 */
export function mountStream(
  app: Hono<ServerEnv>,
  deps: ServerDeps,
  limits: StreamLimits = streamLimits,
): { close(): void } {
  const stop = new AbortController();
  let open = 0;

  app.get("/api/events", async (c) => {
    const request = eventRequest(c);
    c.header("Vary", "Accept, Authorization", { append: true });
    if (!wantsStream(c)) {
      const page = await c.var.registry.readEvents(request);
      return c.json({ ...page, next: nextOf(page) }, 200, { "Cache-Control": "private, no-cache" });
    }
    const { registry, principal, requestId, session } = c.var;
    const { outgoing } = c.env;
    const read = async (after: number, logId?: string) => {
      const from = { after, limit: BATCH };
      const page = await registry.readEvents(logId === undefined ? from : { ...from, log_id: logId });
      // After reading: what the batch holds was recorded while the token still worked.
      await deps.store.requireLive(principal);
      if (session !== undefined) await deps.store.requireSession(session.id);
      return page;
    };
    const page = await read(request.after, request.log_id);
    const headers = {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      // nginx collects an answer before it passes it on, unless told.
      "X-Accel-Buffering": "no",
    };
    if (open >= limits.maxStreams) {
      throw streamErrors.error("events.too_many_streams", "Too many event streams are open.", {
        details: { limit: limits.maxStreams },
        hint: "Retry later, or read pages.",
      });
    }
    if (c.req.method === "HEAD") return c.body(null, 200, headers);

    const outbox = new Outbox(limits);
    const source = {
      read: (after: number) => read(after, page.log_id),
      grows: (after: number, signal: AbortSignal) =>
        deps.store.tail.past(after, { signal, withinMs: limits.heartbeatMs }),
    };
    open += 1;
    outgoing.once("close", () => outbox.leave());
    if (outgoing.destroyed) outbox.leave();
    void sendEvents(
      outbox,
      source,
      { page, after: request.after },
      {
        stop: stop.signal,
        unexpected: (error) => deps.log.error({ err: error, request_id: requestId }, "event stream failed"),
      },
    ).finally(() => {
      open -= 1;
      if (!outbox.gone.aborted) hangUpLater(outgoing, limits.graceMs);
    });
    return c.body(outbox.body, 200, headers);
  });

  return { close: () => stop.abort(serverStops) };
}

type Outgoing = ServerEnv["Bindings"]["outgoing"];

/** A finished answer leaves the connection open for the next request; one that nobody fetches would hold it for ever. */
function hangUpLater(outgoing: Outgoing, graceMs: number): void {
  const timer = setTimeout(() => outgoing.destroy(), graceMs).unref();
  outgoing.once("close", () => clearTimeout(timer));
}

function eventRequest(c: Context<ServerEnv>): EventRequest {
  // An empty Last-Event-ID is how a reader says that it has none.
  const after = numberOf("after", c.req.header("Last-Event-ID") || c.req.query("after")) ?? 0;
  const limit = numberOf("limit", c.req.query("limit"));
  const logId = c.req.query("log_id");
  return {
    after,
    ...(limit === undefined ? {} : { limit }),
    ...(logId === undefined ? {} : { log_id: logId }),
  };
}

function numberOf(parameter: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw httpErrors.error("request.invalid_parameter", `${parameter} is a whole number.`, {
    details: { parameter },
  });
}

function wantsStream(c: Context<ServerEnv>): boolean {
  return /(^|,)\s*text\/event-stream\s*(;|,|$)/i.test(c.req.header("Accept") ?? "");
}

/** Where the next page begins; null when this one reaches the end of the log. */
function nextOf({ items, head }: EventPage): string | null {
  const last = items.at(-1)?.seq;
  return last === undefined || last >= head ? null : String(last);
}
