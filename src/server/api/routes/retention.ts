import { z } from "@hono/zod-openapi";

import { nothing, pageQuery } from "../input-schemas.ts";
import { hold, retentionClass, retentionEvent, retentionState, sweepReport } from "../package-schemas.ts";
import { pageOf } from "../record-schemas.ts";
import { needs, route } from "../route.ts";
import { packageParams, readsPackages } from "./packages.ts";

const changesRetention = needs("retention", "narrow-app");
const reason = z.string().nullable().describe("Required: why, in your words; kept in the history").optional();
const reasonErrors = ["retention.reason_required", "request.invalid_reason"];

export const retentionRoutes = [
  route({
    method: "GET",
    path: "/retention/classes",
    access: readsPackages,
    summary: "Lists the retention classes with the periods they have here.",
    response: pageOf("RetentionClass", retentionClass),
    form: "canonical",
    errors: [],
    handle: ({ registry }) => registry.retentionClasses(),
  }),
  route({
    method: "POST",
    path: "/retention/sweep",
    access: needs("retention", "unlimited"),
    summary:
      "Records which packages may go by now, and which may not any more. Deletes nothing. 503 `clock.skew` where the clock stands before the last event.",
    body: nothing,
    response: sweepReport,
    form: "canonical",
    errors: [],
    handle: ({ registry }) => registry.sweepRetention(),
  }),
  route({
    method: "GET",
    path: "/packages/{id}/retention",
    access: readsPackages,
    summary: "Says what keeps a package, or since when and by which rule it may go.",
    params: packageParams,
    response: retentionState,
    form: "canonical",
    errors: ["package.not_found"],
    handle: ({ registry, params: { id } }) => registry.getRetention(id),
  }),
  route({
    method: "GET",
    path: "/packages/{id}/retention/history",
    access: readsPackages,
    summary: "Lists what happened to a package's retention, oldest first, from the log.",
    params: packageParams,
    query: pageQuery,
    response: pageOf("RetentionEvent", retentionEvent),
    form: "canonical",
    errors: ["package.not_found", "page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, params: { id }, query }) => registry.retentionHistory(id, query),
  }),
  route({
    method: "POST",
    path: "/packages/{id}/retention/extensions",
    access: changesRetention,
    summary: "Keeps a package longer. What was granted is never taken back.",
    params: packageParams,
    body: z.strictObject({ new_expires_at: z.string().describe("RFC 3339"), reason }),
    response: retentionState,
    form: "canonical",
    errors: [
      "package.not_found",
      "package.deleted",
      "retention.not_later",
      "retention.permanent",
      "request.invalid_time",
      ...reasonErrors,
    ],
    handle: ({ registry, params: { id }, body }) =>
      registry.extendRetention(id, { ...body, reason: body.reason ?? "" }),
  }),
  route({
    method: "POST",
    path: "/packages/{id}/retention/holds",
    access: changesRetention,
    summary: "Holds a package: until the hold is released it may not go, whatever the date.",
    params: packageParams,
    body: z.strictObject({ reason, case: z.string().nullable().optional() }),
    response: hold,
    form: "canonical",
    statuses: [201],
    errors: ["package.not_found", "package.deleted", "package.invalid_field", ...reasonErrors],
    handle: ({ registry, params: { id }, body }) =>
      registry.holdPackage(id, { ...body, reason: body.reason ?? "" }),
  }),
  route({
    method: "POST",
    path: "/packages/{id}/retention/holds/{hold}/release",
    access: changesRetention,
    summary: "Releases a hold.",
    params: packageParams.extend({ hold: z.string().describe("The hold's id") }),
    body: z.strictObject({ reason }),
    response: hold,
    form: "canonical",
    errors: ["package.not_found", "hold.not_found", "hold.already_released", ...reasonErrors],
    handle: ({ registry, params, body }) =>
      registry.releaseHold(params.id, params.hold, { reason: body.reason ?? "" }),
  }),
];
