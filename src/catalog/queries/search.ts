import { sql } from "kysely";

import type { QueryBuilder } from "../query.ts";
import { unindexed } from "./unindexed.ts";

/** Of which app, and how many at most. */
export interface SearchScope {
  readonly appId: string | null;
  readonly limit: number;
}

/** Greater than every text that begins with the same, in bytewise order. */
const LAST_CHARACTER = "\u{10FFFF}";

/** Apps whose slug or name has `text`, which is in small letters, in it. Looks through all: there are thousands, not millions. */
export function appsNamed(text: string, { appId, limit }: SearchScope) {
  const pattern = `%${text.replaceAll(/[!%_]/g, "!$&")}%`;
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("app")
      .select(["id", "slug", "display_name"])
      .where(
        sql<boolean>`(slug LIKE ${pattern} ESCAPE '!' OR lower(display_name) LIKE ${pattern} ESCAPE '!')`,
      )
      .orderBy(
        sql`CASE WHEN slug = ${text} THEN 0 WHEN slug >= ${text} AND slug < ${text + LAST_CHARACTER} THEN 1 ELSE 2 END`,
      )
      .orderBy("slug")
      .limit(limit);
    return appId === null ? rows : rows.where("id", "=", appId);
  };
}

export function appOfId(id: string, { appId, limit }: SearchScope) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("app")
      .select(["id", "slug", "display_name"])
      .where("id", "=", id)
      .limit(limit);
    return appId === null ? rows : rows.where("id", "=", appId);
  };
}

function releaseRows(db: QueryBuilder, { appId, limit }: SearchScope) {
  const rows = db
    .selectFrom("release")
    .innerJoin("app", "app.id", "release.app_id")
    .select(["release.id", "release.version", "release.build", "release.status", "app.slug"])
    .where(sql<boolean>`release.status <> 'deleted'`)
    .limit(limit);
  return appId === null ? rows : rows.where("release.app_id", "=", appId);
}

/** Those that were published of exactly this version, by `release_of_version`; the latest first. */
export function releasesOfVersion(version: string, scope: SearchScope) {
  return (db: QueryBuilder) =>
    releaseRows(db, scope)
      .where("release.version", "=", version)
      .where(sql<boolean>`release.published_at IS NOT NULL`)
      .orderBy("release.published_at", "desc");
}

/** Those whose version goes on after `start`, by `release_of_version`; the greatest first, as text goes. */
export function releasesBeginning(start: string, scope: SearchScope) {
  return (db: QueryBuilder) =>
    releaseRows(db, scope)
      .where("release.version", ">", start)
      .where("release.version", "<", start + LAST_CHARACTER)
      .where(sql<boolean>`release.published_at IS NOT NULL`)
      .orderBy("release.version", "desc")
      .orderBy("release.published_at", "desc");
}

/** Those of exactly this build, by `release_of_build`; the latest first. */
export function releasesOfBuild(build: string, scope: SearchScope) {
  return (db: QueryBuilder) =>
    releaseRows(db, scope)
      .where("release.build", "=", build)
      .where(sql<boolean>`release.published_at IS NOT NULL AND release.build <> ''`)
      .orderBy("release.published_at", "desc");
}

/** The release of this id; a draft too. */
export function releaseOfId(id: string, scope: SearchScope) {
  return (db: QueryBuilder) => releaseRows(db, scope).where("release.id", "=", id);
}

function artifactRows(db: QueryBuilder, { appId, limit }: SearchScope) {
  const rows = db
    .selectFrom("artifact")
    .innerJoin("release", "release.id", "artifact.release_id")
    .innerJoin("app", "app.id", "artifact.app_id")
    .select(["artifact.id", "artifact.filename", "artifact.sha256", "release.id as release_id"])
    .select(["release.version", "release.build", "release.status", "app.slug"])
    .where(sql<boolean>`release.status <> 'deleted'`)
    .limit(limit);
  return appId === null ? rows : rows.where("artifact.app_id", "=", appId);
}

/** Artifacts whose SHA-256 begins so, by `artifact_digest`. */
export function artifactsOfDigest(start: string, scope: SearchScope) {
  return (db: QueryBuilder) =>
    artifactRows(db, scope)
      .where("artifact.sha256", ">=", start)
      .where("artifact.sha256", "<", start + LAST_CHARACTER)
      .orderBy("artifact.sha256");
}

export function artifactOfId(id: string, scope: SearchScope) {
  return (db: QueryBuilder) => artifactRows(db, scope).where("artifact.id", "=", id);
}

/** Those of no app, as almost all packages may be. */
function packageRows(db: QueryBuilder, limit: number) {
  return db
    .selectFrom("package")
    .select(["package.id", "package.kind", "package.subject", "package.status"])
    .where(sql<boolean>`${unindexed("package.app_id")} = ''`)
    .limit(limit);
}

/** Evidence whose subject begins so, by `package_subject`. */
export function packagesOfSubject(start: string, limit: number) {
  return (db: QueryBuilder) =>
    packageRows(db, limit)
      .where("package.subject", ">=", start)
      .where("package.subject", "<", start + LAST_CHARACTER)
      .where(sql<boolean>`package.subject IS NOT NULL`)
      .orderBy("package.subject")
      .orderBy("package.created_at", "desc");
}

/** Evidence of the run of this id, by `package_metadata_value`; the latest first. */
export function packagesOfRun(run: string, limit: number) {
  return (db: QueryBuilder) =>
    packageRows(db, limit)
      .innerJoin("package_metadata", "package_metadata.package_id", "package.id")
      .where("package_metadata.key", "=", "run_id")
      .where("package_metadata.value", "=", run)
      .orderBy("package_metadata.created_at", "desc");
}

/** Evidence whose manifest's SHA-256 begins so, by `package_manifest`. */
export function packagesOfManifest(start: string, limit: number) {
  return (db: QueryBuilder) =>
    packageRows(db, limit)
      .where("package.manifest_sha256", ">=", start)
      .where("package.manifest_sha256", "<", start + LAST_CHARACTER)
      .where(sql<boolean>`package.manifest_sha256 IS NOT NULL`)
      .orderBy("package.manifest_sha256");
}

/** Evidence with a hold of this id. */
export function packagesOfHold(hold: string, limit: number) {
  return (db: QueryBuilder) =>
    packageRows(db, limit).innerJoin("hold", "hold.package_id", "package.id").where("hold.id", "=", hold);
}

export function packageOfId(id: string, limit: number) {
  return (db: QueryBuilder) => packageRows(db, limit).where("package.id", "=", id);
}

/** Files of evidence whose SHA-256 begins so, by `package_file_digest`; of the same bytes those of packages that are there first. */
export function filesOfDigest(start: string, limit: number) {
  return (db: QueryBuilder) =>
    packageRows(db, limit)
      .innerJoin("package_file", "package_file.package_id", "package.id")
      .select(["package_file.path", "package_file.sha256"])
      .where("package_file.sha256", ">=", start)
      .where("package_file.sha256", "<", start + LAST_CHARACTER)
      .orderBy("package_file.sha256", "desc")
      .orderBy("package_file.live", "desc");
}

function tokenRows(db: QueryBuilder, only: { readonly app: string | null; readonly limit: number }) {
  const rows = db
    .selectFrom("token")
    .select(["id", "name", "app", "expires_at", "revoked_at"])
    .limit(only.limit);
  return only.app === null ? rows : rows.where("app", "=", only.app);
}

/** Tokens whose name begins so, by `token_name`. */
export function tokensNamed(start: string, only: { readonly app: string | null; readonly limit: number }) {
  return (db: QueryBuilder) =>
    tokenRows(db, only)
      .where("name", ">=", start)
      .where("name", "<", start + LAST_CHARACTER)
      .orderBy("name")
      .orderBy("created_at", "desc");
}

export function tokenOfId(id: string, only: { readonly app: string | null; readonly limit: number }) {
  return (db: QueryBuilder) => tokenRows(db, only).where("id", "=", id);
}
