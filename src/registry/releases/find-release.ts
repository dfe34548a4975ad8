import { isId } from "../../base/ids.ts";
import type { Reader } from "../../catalog/database.ts";
import {
  buildsOfVersion,
  draftsOfVersion,
  openDraft,
  publishedVersion,
  releaseById,
} from "../../catalog/queries/releases.ts";
import type { AppTable, ReleaseTable } from "../../catalog/tables.ts";
import { mayInApp } from "../access.ts";
import type { Context } from "../context.ts";
import { releaseErrors } from "../errors.ts";
import type { ReleaseRef } from "../records/releases.ts";

/**
 * The release that is meant: by id, or by version and build, or by version alone where only one build of it exists.
 * A published release hides a draft of the same version; `prefer: "draft"` turns that round. Drafts are seen only by those
 * who may publish. Raises `release.not_found`, `release.ambiguous`.
 */
export async function findRelease(
  reader: Reader,
  context: Context,
  app: AppTable,
  ref: ReleaseRef,
  options: { prefer?: "published" | "draft" } = {},
): Promise<ReleaseTable> {
  const mayDraft = mayInApp(context.principal, "publish", app.slug);
  const lookups = [() => published(reader, app, ref), () => (mayDraft ? draft(reader, app, ref) : none())];
  if (options.prefer === "draft") lookups.reverse();
  for (const lookup of lookups) {
    const release = isId("rel", ref.release)
      ? await byId(reader, app, ref.release, mayDraft)
      : await lookup();
    if (release !== undefined) return release;
  }
  throw releaseErrors.error("release.not_found", `${app.slug} has no release ${describe(ref)}.`, {
    details: { app: app.slug, release: ref.release, build: ref.build ?? null },
  });
}

async function byId(reader: Reader, app: AppTable, id: string, mayDraft: boolean) {
  const release = await reader.first(releaseById, { id });
  if (release === undefined || release.app_id !== app.id) return undefined;
  return release.published_at === null && !mayDraft ? undefined : release;
}

async function published(reader: Reader, app: AppTable, ref: ReleaseRef) {
  const key = { app_id: app.id, version: ref.release };
  if (ref.build !== undefined) return reader.first(publishedVersion, { ...key, build: ref.build });
  return only(await reader.all(buildsOfVersion, key), ref);
}

async function draft(reader: Reader, app: AppTable, ref: ReleaseRef) {
  const key = { app_id: app.id, version: ref.release };
  if (ref.build !== undefined) return reader.first(openDraft, { ...key, build: ref.build });
  return only(await reader.all(draftsOfVersion, key), ref);
}

async function none(): Promise<undefined> {}

function only(found: readonly ReleaseTable[], ref: ReleaseRef): ReleaseTable | undefined {
  if (found.length <= 1) return found[0];
  throw releaseErrors.error("release.ambiguous", `Several builds have the version ${ref.release}.`, {
    details: { version: ref.release, builds: found.map(({ build }) => build) },
    hint: "Name the build with --build, or the release by its id.",
  });
}

function describe({ release, build }: ReleaseRef): string {
  return build === undefined || build === "" ? release : `${release} (${build})`;
}
