import { z } from "@hono/zod-openapi";

import { nothing, pageQuery } from "../input-schemas.ts";
import { newShare, pageOf, share } from "../record-schemas.ts";
import { needs, route } from "../route.ts";

const ofApp = z.strictObject({ slug: z.string() });

export const shareRoutes = [
  route({
    method: "GET",
    path: "/api/apps/{slug}/shares",
    access: needs("promote", "app"),
    summary: "Lists an app's share links, newest first, never with a secret.",
    params: ofApp,
    query: pageQuery,
    response: pageOf("Share", share),
    errors: ["app.not_found", "page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, params: { slug }, query }) => registry.listShares(slug, query),
  }),
  route({
    method: "POST",
    path: "/api/apps/{slug}/shares",
    access: needs("promote"),
    summary:
      "Makes a link to what is current in an app or one of its channels. The answer alone holds its secret.",
    params: ofApp,
    body: z.strictObject({
      channel: z.string().nullable().describe("Every channel when absent").optional(),
      expires_in: z.string().describe("A duration such as `30d`; `7d` when absent, `1y` at most").optional(),
    }),
    response: newShare,
    statuses: [201],
    errors: [
      "app.not_found",
      "channel.not_found",
      "channel.invalid_name",
      "duration.invalid",
      "share.too_long",
    ],
    handle: ({ registry, params: { slug }, body }) => registry.createShare(slug, body),
  }),
  route({
    method: "DELETE",
    path: "/api/apps/{slug}/shares/{id}",
    access: needs("promote"),
    summary: "Ends a share link at once. Ending it again changes nothing.",
    params: z.strictObject({ slug: z.string(), id: z.string() }),
    body: nothing,
    response: share,
    errors: ["app.not_found", "share.not_found"],
    handle: ({ registry, params: { slug, id } }) => registry.revokeShare(slug, id),
  }),
];
