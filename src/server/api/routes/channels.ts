import { z } from "@hono/zod-openapi";

import {
  appParams,
  arch,
  buildQuery,
  channelParams,
  format,
  nothing,
  pageQuery,
  platform,
  reason,
} from "../input-schemas.ts";
import { artifact, channel, channelMove, pageOf } from "../record-schemas.ts";
import { byVisibility, needs, route } from "../route.ts";
import { promotionCheck } from "../status-schemas.ts";

const findErrors = ["app.not_found", "channel.not_found"];

const channelChanges = z.strictObject({
  policy: z
    .strictObject({
      promote: z.string().describe("`auto` or `manual`").optional(),
      require_validation: z.boolean().optional(),
      from: z.string().nullable().describe("The channel a release must be current in").optional(),
      min_time_seconds: z.number().optional(),
    })
    .optional(),
  rollout_percent: z.number().describe("0 (halted) to 100").optional(),
  retention_keep: z.number().nullable().optional(),
});

export const channelRoutes = [
  route({
    method: "GET",
    path: "/api/apps/{slug}/channels",
    access: byVisibility,
    summary: "Lists the app's channels.",
    params: appParams,
    query: nothing,
    response: pageOf("Channel", channel),
    errors: ["app.not_found"],
    handle: ({ registry, params: { slug } }) => registry.listChannels(slug),
  }),
  route({
    method: "GET",
    path: "/api/apps/{slug}/channels/{name}",
    access: byVisibility,
    summary: "Shows a channel.",
    params: channelParams,
    response: channel,
    errors: findErrors,
    handle: ({ registry, params: { slug, name } }) => registry.getChannel(slug, name),
  }),
  route({
    method: "PUT",
    path: "/api/apps/{slug}/channels/{name}",
    access: needs("promote"),
    summary: "Creates the channel when it is missing; settings that are absent stay as they are.",
    params: channelParams,
    body: channelChanges,
    response: channel,
    errors: [
      "app.not_found",
      "channel.invalid_name",
      "channel.invalid_setting",
      "request.precondition_failed",
    ],
    handle: ({ registry, params: { slug, name }, body }) => registry.setChannel(slug, name, body),
  }),
  route({
    method: "POST",
    path: "/api/apps/{slug}/channels/{name}/promote",
    access: needs("promote"),
    summary: "Points the channel at a published release, if its policy allows.",
    params: channelParams,
    body: z.strictObject({
      release: z.string().describe("An id, or a version"),
      build: z.string().optional(),
      reason: reason.optional(),
      rollout_percent: z.number().describe("0 (halted) to 100; 100 when absent").optional(),
      expect: z.string().describe("The release id that you believe is current").optional(),
    }),
    response: channel,
    errors: [
      ...findErrors,
      "release.not_found",
      "release.ambiguous",
      "release.not_published",
      "release.revoked",
      "channel.moved",
      "channel.policy_refused",
      "channel.invalid_setting",
      "request.invalid_reason",
    ],
    handle: ({ registry, params: { slug, name }, body }) => registry.promote(slug, name, body),
  }),
  route({
    method: "GET",
    path: "/api/apps/{slug}/channels/{name}/promotion",
    access: needs("read", "app"),
    summary: "Says what a promotion would do and which rules pass; moves nothing.",
    params: channelParams,
    query: buildQuery.extend({ release: z.string().describe("An id, or a version") }),
    response: promotionCheck,
    errors: [...findErrors, "release.not_found", "release.ambiguous"],
    handle: ({ registry, params: { slug, name }, query }) => registry.checkPromotion(slug, name, query),
  }),
  route({
    method: "POST",
    path: "/api/apps/{slug}/channels/{name}/rollback",
    access: needs("promote"),
    summary: "Points the channel at the release it pointed at before.",
    params: channelParams,
    body: z.strictObject({
      reason: reason.optional(),
      expect: z.string().describe("The release id that you believe is current").optional(),
    }),
    response: channel,
    errors: [...findErrors, "channel.moved", "channel.no_previous_release", "request.invalid_reason"],
    handle: ({ registry, params: { slug, name }, body }) => registry.rollback(slug, name, body),
  }),
  route({
    method: "GET",
    path: "/api/apps/{slug}/channels/{name}/history",
    access: needs("read", "app"),
    summary: "Lists where the channel has pointed, oldest first.",
    params: channelParams,
    query: pageQuery,
    response: pageOf("ChannelMove", channelMove),
    errors: [...findErrors, "page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, params: { slug, name }, query }) => registry.channelHistory(slug, name, query),
  }),
  route({
    method: "GET",
    path: "/api/apps/{slug}/channels/{name}/current/{platform}",
    access: byVisibility,
    summary:
      "Shows the artifact that the channel's current release has for a platform: of several, universal first, then x86_64, arm64 and the others by name.",
    params: channelParams.extend({ platform }),
    query: z.strictObject({ arch: arch.optional(), format: format.optional() }),
    response: artifact,
    errors: [...findErrors, "release.not_found"],
    handle: ({ registry, params: { slug, name, platform: asked }, query }) =>
      registry.currentArtifact(slug, name, { platform: asked, ...query }),
  }),
];
