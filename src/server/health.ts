import type { Hono } from "hono";

import type { Metrics } from "./metrics.ts";
import type { ServerDeps, ServerEnv } from "./server-context.ts";

/** Anyone may ask, and each look writes to the disk: within this time the last finding answers. */
const READY_FOR_MS = 1_000;

/** `/healthz` (the process answers), `/readyz` (database and blob store answer; 503 otherwise), `/metrics`. */
export function mountHealth(app: Hono<ServerEnv>, deps: ServerDeps, metrics: Metrics): void {
  const ready = readiness(deps);
  app.get("/healthz", (c) => c.json({ status: "ok" }, 200, { "Cache-Control": "no-store" }));
  app.get("/readyz", async (c) => {
    const problems = await ready();
    const body = { status: problems.length === 0 ? "ready" : "not_ready", problems };
    return c.json(body, problems.length === 0 ? 200 : 503, { "Cache-Control": "no-store" });
  });
  app.get("/metrics", async (c) =>
    c.body(await metrics.text(), 200, { "Content-Type": metrics.contentType }),
  );
}

/** Codes of what is wrong, never messages: those name places on this machine. */
function readiness({ store, clock, log }: ServerDeps): () => Promise<readonly string[]> {
  let last: { atMs: number; problems: Promise<readonly string[]> } | undefined;
  const look = async (): Promise<readonly string[]> => {
    try {
      const problems = await store.problems();
      if (problems.length > 0) log.warn({ problems }, "not ready");
      return problems.map(({ code }) => code);
    } catch (error) {
      log.warn({ err: error }, "not ready");
      return ["store.unavailable"];
    }
  };
  return () => {
    const nowMs = clock.nowMs();
    if (last === undefined || Math.abs(nowMs - last.atMs) >= READY_FOR_MS)
      last = { atMs: nowMs, problems: look() };
    return last.problems;
  };
}
