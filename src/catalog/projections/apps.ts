import type { EventOf } from "../../log/events.ts";
import type { Writer } from "../database.ts";
import { query } from "../query.ts";
import type { AppTable } from "../tables.ts";

export async function appCreated(
  writer: Writer,
  { seq, at, data }: EventOf<"v1.app.created">,
): Promise<void> {
  await writer.change(insertApp, {
    id: data.app_id,
    slug: data.slug,
    display_name: data.display_name,
    owner: data.owner,
    visibility: data.visibility,
    allowed_platforms: JSON.stringify(data.allowed_platforms),
    bundle_ids: JSON.stringify(data.bundle_ids),
    identity_constraints: "{}",
    signer_pinning: data.signer_pinning ?? "first_use",
    ios_mode: data.ios_mode,
    testflight_url: data.testflight_url,
    retention_keep: data.retention_keep,
    retention_class: data.retention_class,
    created_at: at,
    updated_at: at,
    last_seq: seq,
  });
}

export async function appUpdated(writer: Writer, { at, data }: EventOf<"v1.app.updated">): Promise<void> {
  const app = await writer.first(appRow, { id: data.app_id });
  const { allowed_platforms, bundle_ids, ...plain } = data.changes;
  await writer.change(updateApp, {
    ...app!,
    ...plain,
    ...(allowed_platforms === undefined ? {} : { allowed_platforms: JSON.stringify(allowed_platforms) }),
    ...(bundle_ids === undefined ? {} : { bundle_ids: JSON.stringify(bundle_ids) }),
    updated_at: at,
  });
}

export async function identityChanged(
  writer: Writer,
  { at, data }: EventOf<"v1.app.identity_changed">,
): Promise<void> {
  const app = await writer.first(appRow, { id: data.app_id });
  await writer.change(updateApp, {
    ...app!,
    identity_constraints: JSON.stringify(data.pins),
    updated_at: at,
  });
}

/** Keeps on the app's row the last event that touched it: what a cached answer about the app depends on. */
export async function touchApp(writer: Writer, appId: string, seq: number): Promise<void> {
  await writer.change(setLastSeq, { id: appId, last_seq: seq });
}

const appRow = query<{ id: string }>()((db, p) => db.selectFrom("app").selectAll().where("id", "=", p.id));

const insertApp = query<AppTable>()((db, p) =>
  db.insertInto("app").values({
    id: p.id,
    slug: p.slug,
    display_name: p.display_name,
    owner: p.owner,
    visibility: p.visibility,
    allowed_platforms: p.allowed_platforms,
    bundle_ids: p.bundle_ids,
    identity_constraints: p.identity_constraints,
    signer_pinning: p.signer_pinning,
    ios_mode: p.ios_mode,
    testflight_url: p.testflight_url,
    retention_keep: p.retention_keep,
    retention_class: p.retention_class,
    created_at: p.created_at,
    updated_at: p.updated_at,
    last_seq: p.last_seq,
  }),
);

const updateApp = query<AppTable>()((db, p) =>
  db
    .updateTable("app")
    .set({
      display_name: p.display_name,
      owner: p.owner,
      visibility: p.visibility,
      allowed_platforms: p.allowed_platforms,
      bundle_ids: p.bundle_ids,
      identity_constraints: p.identity_constraints,
      signer_pinning: p.signer_pinning,
      ios_mode: p.ios_mode,
      testflight_url: p.testflight_url,
      retention_keep: p.retention_keep,
      retention_class: p.retention_class,
      updated_at: p.updated_at,
    })
    .where("id", "=", p.id),
);

const setLastSeq = query<{ id: string; last_seq: number }>()((db, p) =>
  db.updateTable("app").set({ last_seq: p.last_seq }).where("id", "=", p.id),
);
