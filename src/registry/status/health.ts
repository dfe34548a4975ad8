import { NODE_LIVE_MS } from "../../catalog/live-nodes.ts";
import { allJobs } from "../../catalog/queries/jobs.ts";
import { allNodes } from "../../catalog/queries/nodes.ts";
import { logHead } from "../../catalog/transaction.ts";
import type { Context } from "../context.ts";
import type { StoreDecisions } from "../records/status.ts";
import { storeReadiness } from "../store/maintenance.ts";

/** How database, storage, servers and jobs are. */
export async function storeHealth(context: Context): Promise<NonNullable<StoreDecisions["health"]>> {
  const { database, blobs, clock } = context;
  const startedMs = performance.now();
  await database.first(logHead, {});
  const answerMs = performance.now() - startedMs;
  const [info, ready, space] = await Promise.all([database.info(), storeReadiness(context), blobs.space()]);
  const nowMs = clock.nowMs();
  return database.read(async (reader) => ({
    database: {
      engine: info.engine,
      schema_version: info.schemaVersion,
      size_bytes: info.sizeBytes,
      answer_ms: Math.round(answerMs * 100) / 100,
    },
    storage: {
      backend: ready.storage.backend,
      problems: ready.problems.map(({ code }) => code),
      free_bytes: space?.freeBytes ?? null,
      total_bytes: space?.totalBytes ?? null,
    },
    nodes: (await reader.all(allNodes, {})).map(({ name, seen_at: seenAt }) => ({
      name,
      seen_at: seenAt,
      live: Math.abs(nowMs - Date.parse(seenAt)) < NODE_LIVE_MS,
    })),
    jobs: (await reader.all(allJobs, {})).map((job) => ({
      name: job.name,
      running: job.holder !== null,
      started_at: job.started_at,
      finished_at: job.finished_at,
    })),
  }));
}
