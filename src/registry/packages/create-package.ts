import { encodeCanonical } from "../../base/cbor.ts";
import { fromTimestamp, toTimestamp } from "../../base/clock.ts";
import { addDuration } from "../../base/duration.ts";
import { newId } from "../../base/ids.ts";
import type { Transaction } from "../../catalog/database.ts";
import { livePackageByKey, packageById } from "../../catalog/queries/packages.ts";
import type { PackageTable } from "../../catalog/tables.ts";
import type { JsonObject } from "../../log/events.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import { releaseErrors } from "../errors.ts";
import { once } from "../idempotency.ts";
import type { CreatedPackage, PackageRequest } from "../records/packages.ts";
import { packageRecord } from "./find-package.ts";
import {
  checkField,
  checkKey,
  checkKind,
  checkPackageMetadata,
  checkRetentionClass,
} from "./package-rules.ts";

interface CheckedPackage {
  readonly kind: string;
  readonly producer: string | null;
  readonly subject: string | null;
  readonly retention_class: string;
  readonly metadata: JsonObject;
  readonly key: string | null;
}

/** Creates a package and applies its class's default period; or finds the one with the same key. */
export async function createPackage(context: Context, request: PackageRequest): Promise<CreatedPackage> {
  requireScope(context.principal, "package.write", { app: null });
  const checked = {
    kind: checkKind(request.kind),
    producer: checkField("producer", request.producer),
    subject: checkField("subject", request.subject),
    retention_class: checkRetentionClass(request.retention_class ?? context.settings.defaultRetentionClass),
    metadata: checkPackageMetadata(request.metadata),
    key: checkKey(request.key),
  };
  return once(context, async (tx) => {
    const present = checked.key === null ? undefined : await tx.first(livePackageByKey, { key: checked.key });
    // Who names no class asks for none in particular; the default may have become another since.
    const isAsked = request.retention_class !== undefined;
    if (present !== undefined)
      requireSame(present, isAsked ? checked : { ...checked, retention_class: present.retention_class });
    const id = present?.id ?? (await record(tx, context, checked));
    const row = (await tx.first(packageById, { id }))!;
    return { ...packageRecord({ row, app: undefined }), created: present === undefined };
  });
}

async function record(tx: Transaction, context: Context, checked: CheckedPackage): Promise<string> {
  const id = newId("pkg");
  await tx.record({
    type: "v1.package.created",
    subject: id,
    data: { app_id: null, package_id: id, ...checked, created_at: tx.now },
  });
  await recordDefaultRetention(tx, context, {
    appId: null,
    packageId: id,
    createdAt: tx.now,
    retentionClass: checked.retention_class,
  });
  return id;
}

/** The class's period runs from the package's creation. */
export async function recordDefaultRetention(
  tx: Transaction,
  { settings }: Pick<Context, "settings">,
  of: {
    readonly appId: string | null;
    readonly packageId: string;
    readonly createdAt: string;
    readonly retentionClass: string;
  },
): Promise<void> {
  const period = settings.retentionClasses[of.retentionClass] ?? null;
  await tx.record({
    type: "v1.retention.default_applied",
    subject: of.packageId,
    data: {
      app_id: of.appId,
      package_id: of.packageId,
      retention_class: of.retentionClass,
      expires_at: period === null ? null : toTimestamp(addDuration(fromTimestamp(of.createdAt), period)),
    },
  });
}

/** "The same key with another class or metadata: `transaction.integrity`." */
function requireSame(
  present: PackageTable,
  asked: Omit<CheckedPackage, "retention_class"> & Pick<PackageTable, "retention_class">,
): void {
  const said = {
    kind: present.kind,
    producer: present.producer,
    subject: present.subject,
    retention_class: present.retention_class,
    metadata: JSON.parse(present.metadata) as JsonObject,
  };
  const other = (Object.keys(said) as (keyof typeof said)[]).filter(
    (name) => !Buffer.from(encoded(said[name])).equals(encoded(asked[name])),
  );
  if (other.length === 0) return;
  throw releaseErrors.error(
    "transaction.integrity",
    `The package ${present.id} has the same key, and another ${other.join(", ")}.`,
    { details: { rule: "package.key_mismatch", package: present.id, fields: other } },
  );
}

function encoded(value: string | null | JsonObject): Uint8Array {
  return encodeCanonical(value);
}
