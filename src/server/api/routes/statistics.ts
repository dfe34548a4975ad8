import { z } from "@hono/zod-openapi";

import { scopes } from "../../../registry/records/tokens.ts";
import { appParams, daysQuery } from "../input-schemas.ts";
import { needs, route } from "../route.ts";
import { searchResult } from "../search-schemas.ts";
import { appStatistics, storageUsage, storeStatistics } from "../statistics-schemas.ts";
import { storeDecisions } from "../status-schemas.ts";

export const statisticsRoutes = [
  route({
    method: "GET",
    path: "/api/status",
    access: { who: scopes, limits: "none" },
    summary: "Says what needs a decision, as far as the token may see it, and how the store is.",
    response: storeDecisions,
    errors: [],
    handle: ({ registry }) => registry.storeDecisions(),
  }),
  route({
    method: "GET",
    path: "/api/search",
    access: { who: scopes, limits: "none" },
    summary: "Finds apps, releases, packages and tokens by name, version or id, and files by digest.",
    query: z.object({ q: z.string().describe("What it is called, or begins with") }),
    response: searchResult,
    errors: ["search.invalid_query"],
    handle: ({ registry, query: { q } }) => registry.search(q),
  }),
  route({
    method: "GET",
    path: "/api/apps/{slug}/statistics",
    access: needs("read", "app"),
    summary: "Counts an app's downloads and publications by day.",
    params: appParams,
    query: daysQuery.extend({ channel: z.string().describe("What came by this channel only").optional() }),
    response: appStatistics,
    errors: ["app.not_found", "channel.not_found", "statistics.invalid_days"],
    handle: ({ registry, params: { slug }, query }) => registry.appStatistics(slug, query),
  }),
  route({
    method: "GET",
    path: "/api/statistics",
    access: needs("audit", "unlimited"),
    summary: "Counts the store's downloads, publications and events over time.",
    query: daysQuery,
    response: storeStatistics,
    errors: ["statistics.invalid_days"],
    handle: ({ registry, query }) => registry.storeStatistics(query),
  }),
  route({
    method: "GET",
    path: "/api/storage",
    access: needs("admin", "unlimited"),
    summary: "Says what the store keeps, by class, state, app and age.",
    response: storageUsage,
    errors: [],
    handle: ({ registry }) => registry.storageUsage(),
  }),
];
