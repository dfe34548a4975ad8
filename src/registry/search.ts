import { toTimestamp } from "../base/clock.ts";
import { isId } from "../base/ids.ts";
import { isWellFormed } from "../base/text.ts";
import type { Reader } from "../catalog/database.ts";
import { appBySlug } from "../catalog/queries/apps.ts";
import {
  appOfId,
  appsNamed,
  artifactOfId,
  artifactsOfDigest,
  filesOfDigest,
  packageOfId,
  packagesOfHold,
  packagesOfManifest,
  packagesOfRun,
  packagesOfSubject,
  releaseOfId,
  releasesBeginning,
  releasesOfBuild,
  releasesOfVersion,
  type SearchScope,
  tokenOfId,
  tokensNamed,
} from "../catalog/queries/search.ts";
import { hasScope, requireToken } from "./access.ts";
import type { Context } from "./context.ts";
import { validationErrors } from "./errors.ts";
import type { SearchHit, SearchKind, SearchResult } from "./records/search.ts";
import { tokenStatus } from "./tokens.ts";

const MAX_QUERY_LENGTH = 200;

/** Hits of a kind that are shown. */
const MAX_OF_A_KIND = 20;
const LIMIT = MAX_OF_A_KIND + 1;

/** As many digits as people copy, at least: fewer say nothing. */
const DIGEST_START = /^(?:sha256:)?([0-9a-f]{8,64})$/;

/**
 * What is called so: apps by any part of their name; releases by version, its beginning, or build; packages by subject or its beginning,
 * or run; tokens by name or its beginning; all of them by id, and files, artifacts and manifests by SHA-256 or its beginning. As far as the caller
 * may see it: apps and releases with `read`, packages with `package.read`, tokens with `token`; of the app that the caller is limited
 * to. Any token may ask. Raises `search.invalid_query`.
 */
export async function search(context: Context, asked: string): Promise<SearchResult> {
  const { principal } = context;
  requireToken(principal);
  const text = checkQuery(asked);
  const now = toTimestamp(context.clock.nowMs());
  const found = await context.database.read(async (reader) => {
    const { app: slug } = principal;
    const app = slug === null ? undefined : await reader.first(appBySlug, { slug });
    const hits: SearchHit[] = [];
    // A token's app need not exist yet; until then there is nothing of it.
    if (hasScope(principal, "read") && (slug === null || app !== undefined)) {
      const scope = { appId: app?.id ?? null, limit: LIMIT };
      hits.push(...(await releasesAndApps(reader, text, scope, hasScope(principal, "publish"))));
    }
    if (hasScope(principal, "package.read") && slug === null) hits.push(...(await packages(reader, text)));
    if (hasScope(principal, "token")) hits.push(...(await tokens(reader, text, slug, now)));
    return hits;
  });
  return resultOf(text, found);
}

function checkQuery(asked: string): string {
  const text = asked.trim();
  if (text !== "" && text.length <= MAX_QUERY_LENGTH && isWellFormed(text)) return text;
  throw validationErrors.error(
    "search.invalid_query",
    `What is looked for has 1 to ${MAX_QUERY_LENGTH} characters.`,
    { details: { length: text.length, maximum: MAX_QUERY_LENGTH } },
  );
}

async function releasesAndApps(
  reader: Reader,
  text: string,
  scope: SearchScope,
  drafts: boolean,
): Promise<SearchHit[]> {
  const digest = DIGEST_START.exec(text)?.[1];
  const artifacts = [
    ...(isId("art", text) ? await reader.fetch(artifactOfId(text, scope)) : []),
    ...(digest === undefined ? [] : await reader.fetch(artifactsOfDigest(digest, scope))),
  ];
  const apps = await reader.fetch(
    isId("app", text) ? appOfId(text, scope) : appsNamed(asciiLower(text), scope),
  );
  const releases = isId("rel", text)
    ? await reader.fetch(releaseOfId(text, scope))
    : [
        ...(await reader.fetch(releasesOfVersion(text, scope))),
        ...(await reader.fetch(releasesOfBuild(text, scope))),
        ...(await reader.fetch(releasesBeginning(text, scope))),
      ];
  const isSeen = ({ status }: { status: string }) => drafts || status !== "draft";
  return [
    ...artifacts.filter(isSeen).map((row) => ({
      ...nothing,
      kind: "artifact" as const,
      id: row.id,
      name: row.filename,
      app: row.slug,
      release_id: row.release_id,
      sha256: digest === undefined ? null : row.sha256,
      status: row.status,
    })),
    ...apps.map((row) => ({
      ...nothing,
      kind: "app" as const,
      id: row.id,
      name: row.display_name,
      app: row.slug,
    })),
    ...releases.filter(isSeen).map((row) => ({
      ...nothing,
      kind: "release" as const,
      id: row.id,
      name: `${row.version} ${row.build}`.trim(),
      app: row.slug,
      release_id: row.id,
      status: row.status,
    })),
  ];
}

async function packages(reader: Reader, text: string): Promise<SearchHit[]> {
  const digest = DIGEST_START.exec(text)?.[1];
  const rows = [
    ...(isId("pkg", text) ? await reader.fetch(packageOfId(text, LIMIT)) : []),
    ...(isId("hold", text) ? await reader.fetch(packagesOfHold(text, LIMIT)) : []),
    ...(digest === undefined ? [] : await reader.fetch(packagesOfManifest(digest, LIMIT))),
    ...(await reader.fetch(packagesOfRun(text, LIMIT))),
    ...(await reader.fetch(packagesOfSubject(text, LIMIT))),
  ];
  const files = digest === undefined ? [] : await reader.fetch(filesOfDigest(digest, LIMIT));
  return [
    ...rows.map((row) => ({
      ...nothing,
      kind: "package" as const,
      id: row.id,
      name: row.subject ?? row.kind,
      status: row.status,
    })),
    ...files.map((row) => ({
      ...nothing,
      kind: "file" as const,
      id: row.id,
      name: row.path,
      sha256: row.sha256,
      status: row.status,
    })),
  ];
}

async function tokens(reader: Reader, text: string, app: string | null, now: string): Promise<SearchHit[]> {
  const only = { app, limit: LIMIT };
  const rows = await reader.fetch(isId("tok", text) ? tokenOfId(text, only) : tokensNamed(text, only));
  return rows.map((row) => ({
    ...nothing,
    kind: "token",
    id: row.id,
    name: row.name,
    app: row.app,
    status: tokenStatus(row, now),
  }));
}

/** Each thing once, and no more of a kind than are shown. */
function resultOf(query: string, found: readonly SearchHit[]): SearchResult {
  const shown = new Map<string, SearchHit>();
  const counts = new Map<SearchKind, number>();
  for (const hit of found) {
    const key = `${hit.kind} ${hit.id} ${hit.kind === "file" ? hit.name : ""}`;
    if (shown.has(key)) continue;
    const count = (counts.get(hit.kind) ?? 0) + 1;
    counts.set(hit.kind, count);
    if (count <= MAX_OF_A_KIND) shown.set(key, hit);
  }
  const more = [...counts].filter(([, count]) => count > MAX_OF_A_KIND).map(([kind]) => kind);
  return { query, hits: [...shown.values()], more };
}

const nothing = { app: null, release_id: null, sha256: null, status: null };

/** As the databases make small letters: of ASCII only. */
function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
