import { z } from "@hono/zod-openapi";

import { scopes } from "../../../registry/records/tokens.ts";
import { nothing, pageQuery } from "../input-schemas.ts";
import { pageOf, session } from "../record-schemas.ts";
import { route } from "../route.ts";

export const sessionRoutes = [
  route({
    method: "GET",
    path: "/api/sessions",
    access: { who: scopes, limits: "none" },
    summary:
      "Lists who is signed in to the console, newest first: the caller's own sessions; everybody's with `admin`.",
    query: pageQuery.extend({ actor: z.string().describe("Only this actor's").optional() }),
    response: pageOf("Session", session),
    errors: ["page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, query }) => registry.listSessions(query),
  }),
  route({
    method: "POST",
    path: "/api/sessions/{id}/end",
    access: { who: scopes, limits: "none" },
    summary: "Ends a session of the console at once: an own one, or anybody's with `admin`.",
    params: z.strictObject({ id: z.string() }),
    body: nothing,
    response: session,
    errors: ["session.not_found"],
    handle: ({ registry, params: { id } }) => registry.endSession(id),
  }),
];
