import { z } from "@hono/zod-openapi";

import { nothing } from "../input-schemas.ts";
import { cleanupReport, rebuildReport, storeStatus, verifyReport } from "../report-schemas.ts";
import { needs, RawAnswer, route } from "../route.ts";

export const storeRoutes = [
  route({
    method: "GET",
    path: "/api/store/status",
    access: needs("admin"),
    summary: "Says how the store is and what it holds.",
    response: storeStatus,
    errors: [],
    handle: ({ registry }) => registry.storeStatus(),
  }),
  route({
    method: "POST",
    path: "/api/store/verify",
    access: needs("admin"),
    summary: "Reads every event and every byte; `ok` is false when any is not what it was.",
    body: nothing,
    response: verifyReport,
    errors: [],
    handle: ({ registry, signal }) => registry.verifyStore({ signal }),
  }),
  route({
    method: "POST",
    path: "/api/store/rebuild",
    access: needs("admin"),
    summary: "Rebuilds the views from the log; `ok` is false when they differed.",
    body: nothing,
    response: rebuildReport,
    errors: [],
    handle: ({ registry, signal }) => registry.rebuildStore({ signal }),
  }),
  route({
    method: "POST",
    path: "/api/store/cleanup",
    access: needs("admin"),
    summary: "Says what may go, and deletes it when `apply` is true.",
    body: z.strictObject({ apply: z.boolean().optional() }),
    response: cleanupReport,
    errors: [],
    handle: ({ registry, body: { apply = false }, signal }) => registry.cleanupStore({ apply, signal }),
  }),
  route({
    method: "GET",
    path: "/api/store/export",
    access: needs("admin"),
    summary: "Streams the log as `db.json`.",
    response: z.unknown(),
    errors: [],
    handle: async ({ registry }) =>
      new RawAnswer(
        200,
        {
          "Content-Type": "application/json",
          "Content-Disposition": 'attachment; filename="db.json"',
        },
        registry.exportStore(),
      ),
  }),
];
