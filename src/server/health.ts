import type { Hono } from "hono";

import type { StoreStatus } from "../registry/records/store.ts";
import type { Metrics } from "./metrics.ts";
import type { ServerDeps, ServerEnv } from "./server-context.ts";

/** Anyone may ask, and each look writes to the disk: within this time the last finding answers. */
const READY_FOR_MS = 1_000;

/** `/healthz` (the process answers), `/readyz` (database and blob store answer; 503 otherwise), `/metrics`. */
export function mountHealth(app: Hono<ServerEnv>, deps: ServerDeps, metrics: Metrics): void {
  const ready = readiness(deps);
  app.get("/healthz", (c) => c.json({ status: "ok" }, 200, { "Cache-Control": "no-store" }));
  app.get("/readyz", async (c) => {
    const { problems, storage } = await ready();
    const body = { status: problems.length === 0 ? "ready" : "not_ready", problems, storage };
    return c.json(body, problems.length === 0 ? 200 : 503, { "Cache-Control": "no-store" });
  });
  app.get("/metrics", async (c) =>
    c.body(await metrics.text(), 200, { "Content-Type": metrics.contentType }),
  );
}

interface Readiness {
  /** Codes of what is wrong, never messages: those name places on this machine. */
  readonly problems: readonly string[];
  /** Where bytes are kept, and what that can do; null when the store does not answer. */
  readonly storage: Pick<StoreStatus["storage"], "backend" | "abilities"> | null;
}

function readiness({ store, clock, log }: ServerDeps): () => Promise<Readiness> {
  let last: { atMs: number; found: Promise<Readiness> } | undefined;
  const look = async (): Promise<Readiness> => {
    try {
      const { problems, storage } = await store.readiness();
      if (problems.length > 0) log.warn({ problems }, "not ready");
      const { backend, abilities } = storage;
      return { problems: problems.map(({ code }) => code), storage: { backend, abilities } };
    } catch (error) {
      log.warn({ err: error }, "not ready");
      return { problems: ["store.unavailable"], storage: null };
    }
  };
  return () => {
    const nowMs = clock.nowMs();
    if (last === undefined || Math.abs(nowMs - last.atMs) >= READY_FOR_MS)
      last = { atMs: nowMs, found: look() };
    return last.found;
  };
}
