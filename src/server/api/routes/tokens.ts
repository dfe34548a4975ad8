import { z } from "@hono/zod-openapi";

import { nothing, pageQuery } from "../input-schemas.ts";
import { newToken, pageOf, token } from "../record-schemas.ts";
import { needs, route } from "../route.ts";

export const tokenRoutes = [
  route({
    method: "GET",
    path: "/api/tokens",
    access: needs("token", "none"),
    summary: "Lists tokens, newest first, never with a secret. A token limited to an app sees that app's.",
    query: pageQuery,
    response: pageOf("Token", token),
    errors: ["page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, query }) => registry.listTokens(query),
  }),
  route({
    method: "POST",
    path: "/api/tokens",
    access: needs("token"),
    summary: "Creates a token that may do no more than its maker's. The answer alone holds `secret`.",
    body: z.strictObject({
      name: z.string(),
      scopes: z.array(z.string()),
      app: z.string().nullable().optional(),
      channel: z.string().nullable().optional(),
      expires_in: z.string().nullable().describe("A duration such as `30d`; never when absent").optional(),
    }),
    response: newToken,
    statuses: [201],
    errors: [
      "app.invalid_slug",
      "channel.invalid_name",
      "token.invalid_name",
      "token.invalid_scope",
      "token.exceeds_own",
      "duration.invalid",
      "transaction.integrity",
    ],
    handle: ({ registry, body }) => registry.createToken(body),
  }),
  route({
    method: "POST",
    path: "/api/tokens/{id}/revoke",
    access: needs("token"),
    summary: "Revokes a token at once.",
    params: z.strictObject({ id: z.string() }),
    body: nothing,
    response: token,
    errors: ["token.not_found", "token.already_revoked"],
    handle: ({ registry, params: { id } }) => registry.revokeToken(id),
  }),
];
