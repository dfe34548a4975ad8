import { z } from "@hono/zod-openapi";

import { pageQuery } from "../input-schemas.ts";
import { auditEntry, pageOf } from "../record-schemas.ts";
import { needs, route } from "../route.ts";

export const auditRoutes = [
  route({
    method: "GET",
    path: "/api/audit",
    access: needs("audit", "app"),
    summary: "Lists what was done, newest first. A token limited to an app sees that app's.",
    query: pageQuery.extend({
      app: z.string().optional(),
      actor: z.string().describe("Such as `token:ci`").optional(),
      action: z.string().describe("Such as `release.published`").optional(),
      target: z.string().describe("An id").optional(),
      since: z.string().describe("RFC 3339, inclusive").optional(),
      until: z.string().describe("RFC 3339, exclusive").optional(),
      order: z.enum(["ascending", "descending"]).optional(),
    }),
    response: pageOf("AuditEntry", auditEntry),
    errors: ["app.not_found", "request.invalid_time", "page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, query }) => registry.listAudit(query),
  }),
];
