import type { CanonicalValue } from "../base/cbor.ts";
import { newId } from "../base/ids.ts";
import { canonicalJson } from "../base/jcs.ts";
import { shareLooks } from "../base/shared-looks.ts";
import type { Database, Reader, Transaction } from "../catalog/database.ts";
import { appBySlug, appPage, appVersionBySlug } from "../catalog/queries/apps.ts";
import type { AppTable } from "../catalog/tables.ts";
import type { Platform } from "../inspect/inspection.ts";
import type { AppSettings } from "../log/events.ts";
import { appNotFound, hasScope, mayInApp, maySeeApp, readerClass, requireScope } from "./access.ts";
import { applyAppChanges, defaultAppSettings, type AppState } from "./app-settings.ts";
import type { Context } from "./context.ts";
import { releaseErrors } from "./errors.ts";
import { once } from "./idempotency.ts";
import { keysetOf, pageLimit, pageOf } from "./paging.ts";
import type { Principal } from "./principal.ts";
import type { AppChanges, AppRecord, IosMode, SignerPinning, Visibility } from "./records/apps.ts";
import type { Page, PageRequest } from "./records/pages.ts";
import { checkReason, checkSlug } from "./rules.ts";

export async function createApp(context: Context, slug: string, changes: AppChanges): Promise<AppRecord> {
  checkSlug(slug);
  requireScope(context.principal, "admin", { app: slug });
  return once(context, async (tx) => {
    if ((await tx.first(appBySlug, { slug })) !== undefined) {
      throw releaseErrors.error("transaction.integrity", `There is an app ${slug} already.`, {
        details: { rule: "app.slug_taken", app: slug },
      });
    }
    const { settings, pins } = applyAppChanges(freshState(context, slug), changes);
    const app = await recordApp(tx, slug, settings);
    if (Object.keys(pins).length > 0) {
      await recordPins(tx, app.id, pins, { reason: checkReason(changes.reason) });
    }
    return appRecord(context, (await tx.first(appBySlug, { slug }))!);
  });
}

export async function updateApp(context: Context, slug: string, changes: AppChanges): Promise<AppRecord> {
  requireScope(context.principal, "admin", { app: slug });
  return context.database.write(context.principal, async (tx) => {
    const app = await findApp(tx, context, slug);
    const before = { settings: settingsOf(app), pins: pinsOf(app) };
    const after = applyAppChanges(before, changes);
    const changed = differences(before.settings, after.settings);
    if (Object.keys(changed).length > 0) {
      await tx.record({
        type: "v1.app.updated",
        subject: app.id,
        data: { app_id: app.id, changes: changed },
      });
    }
    if (!same(before.pins, after.pins)) {
      await recordPins(tx, app.id, after.pins, { reason: checkReason(changes.reason) });
    }
    return appRecord(context, (await tx.first(appBySlug, { slug }))!);
  });
}

export async function getApp(context: Context, slug: string): Promise<AppRecord> {
  return context.database.read(async (reader) => appRecord(context, await findApp(reader, context, slug)));
}

/** Which state of an app an answer shows, and to whom. */
export interface AppVersion {
  /** The app and the class of reader: the same for whoever gets the same answers. */
  readonly key: string;
  /** The last event that touched the app or anything of it. */
  readonly seq: number;
}

/**
 * What answers about an app depend on: as long as it is the same, so are they, but for what they say of the time, and of bytes
 * that the store lost. One row is read, for all who ask in one turn of the event loop. Raises `app.not_found`.
 */
export function appVersions(database: Database): (principal: Principal, slug: string) => Promise<AppVersion> {
  const look = shareLooks((slug) => database.first(appVersionBySlug, { slug }));
  return async (principal, slug) => {
    const app = await look(slug);
    if (app === undefined || !maySeeApp(principal, app)) throw appNotFound(slug);
    return { key: `${app.id} ${readerClass(principal)}`, seq: app.last_seq };
  };
}

/** Those with `read` see what their limits allow; anonymous callers see public apps. */
export async function listApps(context: Context, page: PageRequest): Promise<Page<AppRecord>> {
  const { principal } = context;
  const own = principal.share?.app ?? principal.app;
  const everything = hasScope(principal, "read") && own === null;
  const only = everything ? {} : { visibility: "public", ...(own === null ? {} : { slug: own }) };
  return context.database.read(async (reader) => {
    const rows = await reader.fetch(appPage(keysetOf(page), only));
    return pageOf(
      rows,
      pageLimit(page),
      (row) => appRecord(context, row),
      (row) => [row.created_at, row.id],
    );
  });
}

/** The app, if the principal may know of it. Raises `app.not_found` for both. */
export async function findApp(reader: Reader, context: Context, slug: string): Promise<AppTable> {
  const app = await reader.first(appBySlug, { slug });
  if (app === undefined || !maySeeApp(context.principal, app)) throw appNotFound(slug);
  return app;
}

/** The app, made with the store's defaults when it is missing: what publishing does. */
export async function findOrCreateApp(
  tx: Transaction,
  context: Context,
  slug: string,
  displayName: string | undefined,
): Promise<AppTable> {
  const present = await tx.first(appBySlug, { slug });
  if (present !== undefined) return present;
  const fresh = freshState(context, slug);
  const changes = displayName === undefined ? {} : { display_name: displayName };
  return recordApp(tx, slug, applyAppChanges(fresh, changes).settings);
}

/** An app as the caller gets it: "History, actors, reasons and pins need `read`." */
function appRecord({ principal }: Context, app: AppTable): AppRecord {
  return {
    id: app.id,
    slug: app.slug,
    ...settingsOf(app),
    identity_constraints: mayInApp(principal, "read", app.slug) ? pinsOf(app) : {},
    created_at: app.created_at,
    updated_at: app.updated_at,
  };
}

function settingsOf(app: AppTable) {
  return {
    display_name: app.display_name,
    owner: app.owner,
    visibility: app.visibility as Visibility,
    allowed_platforms: JSON.parse(app.allowed_platforms) as Platform[],
    bundle_ids: JSON.parse(app.bundle_ids) as Record<string, string>,
    ios_mode: app.ios_mode as IosMode,
    testflight_url: app.testflight_url,
    retention_keep: app.retention_keep,
    retention_class: app.retention_class,
    signer_pinning: app.signer_pinning as SignerPinning,
  } satisfies AppSettings;
}

/** The signers that an app is pinned to, by platform. */
export function pinsOf(app: Pick<AppTable, "identity_constraints">): AppState["pins"] {
  return JSON.parse(app.identity_constraints) as Record<string, string[]>;
}

function freshState(context: Context, slug: string): AppState {
  return { settings: defaultAppSettings(slug, context.settings.defaultVisibility), pins: {} };
}

async function recordApp(tx: Transaction, slug: string, settings: AppSettings): Promise<AppTable> {
  const id = newId("app");
  await tx.record({ type: "v1.app.created", subject: id, data: { app_id: id, slug, ...settings } });
  return (await tx.first(appBySlug, { slug }))!;
}

/** Says who may sign from now on, and why: an administrator's reason, or the release whose signers are the first. */
export async function recordPins(
  tx: Transaction,
  appId: string,
  pins: AppState["pins"],
  why: { readonly reason?: string | null; readonly releaseId?: string },
): Promise<void> {
  const data = { app_id: appId, pins, reason: why.reason ?? null, release_id: why.releaseId ?? null };
  await tx.record({ type: "v1.app.identity_changed", subject: appId, data });
}

function differences(before: AppSettings, after: AppSettings): Partial<AppSettings> {
  const changed = Object.entries(after).filter(
    ([key, value]) => !same(before[key as keyof AppSettings], value),
  );
  return Object.fromEntries(changed);
}

/** Whether two values are the same, in whatever order their keys were set. */
function same(left: unknown, right: unknown): boolean {
  return canonicalJson(left as CanonicalValue) === canonicalJson(right as CanonicalValue);
}
