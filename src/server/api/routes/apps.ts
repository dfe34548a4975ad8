import { z } from "@hono/zod-openapi";

import type { ReleaseRecord } from "../../../registry/records/releases.ts";
import { appChanges, appParams, pageQuery } from "../input-schemas.ts";
import { app, channel, pageOf, release } from "../record-schemas.ts";
import { byVisibility, needs, route } from "../route.ts";

const invalidSettings = ["app.invalid_setting", "app.testflight_url_required", "app.bundle_id_required"];

export const appRoutes = [
  route({
    method: "GET",
    path: "/api/apps",
    access: byVisibility,
    summary: "Lists apps, newest first: all that a token with `read` may see, else the public ones.",
    query: pageQuery,
    response: pageOf("App", app),
    errors: ["page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, query }) => registry.listApps(query),
  }),
  route({
    method: "POST",
    path: "/api/apps",
    access: needs("admin"),
    summary: "Creates an app.",
    body: appChanges.extend({ slug: z.string() }),
    response: app,
    statuses: [201],
    errors: ["app.invalid_slug", ...invalidSettings, "transaction.integrity"],
    handle: ({ registry, body: { slug, ...settings } }) => registry.createApp(slug, settings),
  }),
  route({
    method: "GET",
    path: "/api/apps/{slug}",
    access: byVisibility,
    summary: "Shows an app with its channels and a page of its releases, newest first.",
    params: appParams,
    query: pageQuery,
    response: z
      .object({ app, channels: z.array(channel), releases: pageOf("Release", release) })
      .openapi("AppOverview"),
    errors: ["app.not_found", "page.invalid_limit", "page.invalid_cursor"],
    kept: {
      app: ({ slug }) => slug,
      // Lost bytes may be uploaded again, which is no event of the app.
      mayKeep: ({ releases }) => releases.items.every(hasItsBytes),
    },
    handle: async ({ registry, params: { slug }, query }) => {
      const [shown, channels, releases] = await Promise.all([
        registry.getApp(slug),
        registry.listChannels(slug),
        registry.listReleases(slug, query),
      ]);
      return { app: shown, channels: [...channels.items], releases };
    },
  }),
  route({
    method: "PATCH",
    path: "/api/apps/{slug}",
    access: needs("admin"),
    summary: "Changes the settings that are given.",
    params: appParams,
    body: appChanges,
    response: app,
    errors: ["app.not_found", ...invalidSettings, "request.precondition_failed"],
    handle: ({ registry, params: { slug }, body }) => registry.updateApp(slug, body),
  }),
];

function hasItsBytes({ artifacts, manifest_sha256: manifest, url }: ReleaseRecord): boolean {
  return artifacts.every((artifact) => artifact.url !== null) && (manifest === null || url !== null);
}
