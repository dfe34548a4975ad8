import { z } from "@hono/zod-openapi";

import type { ArtifactRequest, ReleaseHead } from "../../../registry/records/releases.ts";
import type { Registry } from "../../../registry/registry.ts";
import { httpErrors } from "../../http-errors.ts";
import {
  appParams,
  artifactRequest,
  buildQuery,
  listedArtifact,
  pageQuery,
  reason,
  releaseParams,
} from "../input-schemas.ts";
import {
  downloadLink,
  jsonObject,
  pageOf,
  publishResult,
  release,
  releaseComparison,
} from "../record-schemas.ts";
import { byVisibility, needs, route } from "../route.ts";

const publication = z.strictObject({
  $schema: z.string().optional(),
  app: z.string().describe("The slug of the path, when it is given").optional(),
  display_name: z.string().describe("Used when the app is created").optional(),
  version: z.string(),
  build: z.string().optional(),
  channel: z.string().nullable().optional(),
  notes: z.string().nullable().optional(),
  metadata: jsonObject.optional(),
  artifacts: z.array(listedArtifact).describe("Required but for a draft").optional(),
  if_exists: z.enum(["fail", "skip"]).describe("`fail` when absent").optional(),
  draft: z.boolean().describe("Opens a draft, with the artifacts that are given").optional(),
  dry_run: z
    .boolean()
    .describe("Checks what can be checked before bytes are sent; changes nothing")
    .optional(),
});

const accepted = z.object({ status: z.literal("ok") });
const findErrors = ["app.not_found", "release.not_found", "release.ambiguous"];
const artifactErrors = [
  "app.platform_not_allowed",
  "object.missing",
  "release.invalid_filename",
  "release.invalid_metadata",
  "release.too_many_artifacts",
  "package.duplicate_path",
  "validation.size_mismatch",
];

export const releaseRoutes = [
  route({
    method: "GET",
    path: "/api/apps/{slug}/releases",
    access: byVisibility,
    summary: "Lists releases, newest first; drafts only to those who may publish.",
    params: appParams,
    query: pageQuery.extend({ channel: z.string().describe("Published for this channel").optional() }),
    response: pageOf("Release", release),
    errors: ["app.not_found", "channel.invalid_name", "page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, params: { slug }, query }) => registry.listReleases(slug, query),
  }),
  route({
    method: "POST",
    path: "/api/apps/{slug}/releases",
    access: needs("publish"),
    summary:
      "Publishes a release from uploaded objects: `dist.json` with `sha256` and `filename` in place of `path`. 200 when it was there already, and for a dry run.",
    params: appParams,
    body: publication,
    response: z.union([publishResult, release, accepted]),
    statuses: [201, 200],
    status: ({ status }) => (status === "unchanged" || status === "promoted" || status === "ok" ? 200 : 201),
    errors: [
      "app.invalid_slug",
      "release.invalid_version",
      "release.invalid_build",
      "release.invalid_notes",
      "release.empty",
      "release.duplicate_artifact",
      "channel.invalid_name",
      ...artifactErrors,
      "validation.failed",
      "transaction.integrity",
      "package.changed",
    ],
    handle: async ({ registry, params: { slug }, body }) => {
      const {
        $schema: _,
        app = slug,
        artifacts = [],
        draft = false,
        dry_run: dryRun = false,
        ...given
      } = body;
      if (app !== slug) throw invalidBody("app", `The path names the app ${slug}.`);
      const head = { ...given, app };
      if (dryRun) {
        await registry.checkPublish({ ...head, artifacts });
        return { status: "ok" as const };
      }
      const named = artifacts.map(requireNamed);
      return draft ? openDraft(registry, head, named) : registry.publish({ ...head, artifacts: named });
    },
  }),
  route({
    method: "GET",
    path: "/api/apps/{slug}/releases/{id}",
    access: byVisibility,
    summary: "Shows a release with its artifacts.",
    params: releaseParams,
    query: buildQuery,
    response: release,
    errors: findErrors,
    handle: ({ registry, params: { slug, id }, query }) =>
      registry.getRelease(slug, { release: id, ...query }),
  }),
  route({
    method: "GET",
    path: "/api/apps/{slug}/releases/{id}/comparison",
    access: byVisibility,
    summary: "Shows what differs from another release of the app to this one.",
    params: releaseParams,
    query: buildQuery.extend({
      with: z.string().describe("The other release: an id, or a version"),
      with_build: z.string().describe("Where several builds have that version").optional(),
    }),
    response: releaseComparison,
    errors: findErrors,
    handle: ({ registry, params: { slug, id }, query: { build, with: other, with_build: otherBuild } }) =>
      registry.compareReleases(
        slug,
        { release: other, ...(otherBuild !== undefined && { build: otherBuild }) },
        { release: id, ...(build !== undefined && { build }) },
      ),
  }),
  route({
    method: "POST",
    path: "/api/apps/{slug}/releases/{id}/artifacts",
    access: needs("publish"),
    summary: "Adds an uploaded artifact to a draft. The same bytes again change nothing.",
    params: releaseParams,
    query: buildQuery,
    body: artifactRequest.extend({
      replace: z.boolean().describe("Other bytes take the place of those there").optional(),
    }),
    response: release,
    errors: [...findErrors, ...artifactErrors, "package.not_open"],
    handle: ({ registry, params: { slug, id }, query, body: { replace = false, ...artifact } }) =>
      registry.attachArtifact(slug, { release: id, ...query }, artifact, { replace }),
  }),
  route({
    method: "POST",
    path: "/api/apps/{slug}/releases/{id}/artifacts/{artifact}/link",
    access: needs("read", "app"),
    summary:
      "Signs an address that opens one artifact's bytes without credentials until it expires; it never outlives the token that asked for it.",
    params: releaseParams.extend({ artifact: z.string().describe("The artifact's id") }),
    query: buildQuery,
    body: z.strictObject({
      expires_in: z.string().describe("A duration such as `15m`; `1h` when absent, `7d` at most").optional(),
    }),
    response: downloadLink,
    errors: [
      ...findErrors,
      "release.not_published",
      "release.revoked",
      "object.not_found",
      "duration.invalid",
      "download.link_too_long",
    ],
    handle: ({ registry, params: { slug, id, artifact }, query, body }) =>
      registry.signDownload(slug, { release: id, ...query }, artifact, body),
  }),
  route({
    method: "POST",
    path: "/api/apps/{slug}/releases/{id}/publish",
    access: needs("publish"),
    summary: "Publishes a draft. A release that is published already answers `unchanged`.",
    params: releaseParams,
    query: buildQuery,
    body: z.strictObject({
      channel: z.string().nullable().describe("The draft's own when absent").optional(),
    }),
    response: publishResult,
    errors: [
      ...findErrors,
      "app.platform_not_allowed",
      "channel.invalid_name",
      "release.empty",
      "release.not_published",
      "release.revoked",
      "validation.failed",
      "transaction.integrity",
      "package.changed",
    ],
    handle: ({ registry, params: { slug, id }, query, body }) =>
      registry.publishDraft(slug, { release: id, ...query }, body),
  }),
  route({
    method: "POST",
    path: "/api/apps/{slug}/releases/{id}/revoke",
    access: needs("promote"),
    summary: "Revokes a release for good and rolls back every channel that points at it.",
    params: releaseParams,
    query: buildQuery,
    body: z.strictObject({ reason: reason.optional() }),
    response: release,
    errors: [...findErrors, "release.not_published", "request.invalid_reason"],
    handle: ({ registry, params: { slug, id }, query, body }) =>
      registry.revokeRelease(slug, { release: id, ...query }, body),
  }),
];

async function openDraft(registry: Registry, head: ReleaseHead, artifacts: readonly ArtifactRequest[]) {
  let draft = await registry.draftRelease(head);
  for (const artifact of artifacts) {
    draft = await registry.attachArtifact(head.app, { release: draft.id }, artifact);
  }
  return draft;
}

function requireNamed(
  artifact: Omit<ArtifactRequest, "filename" | "sha256"> & { filename?: string; sha256?: string },
  index: number,
): ArtifactRequest {
  const { filename, sha256 } = artifact;
  if (sha256 === undefined) throw invalidBody(`artifacts[${index}].sha256`, "It is missing.");
  if (filename === undefined) throw invalidBody(`artifacts[${index}].filename`, "It is missing.");
  return { ...artifact, filename, sha256 };
}

function invalidBody(path: string, why: string) {
  return httpErrors.error("request.invalid_body", `${path}: ${why}`, { details: { path } });
}
