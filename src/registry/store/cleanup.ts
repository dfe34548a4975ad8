import { forEachAtMost } from "../../base/async.ts";
import { toTimestamp } from "../../base/clock.ts";
import { dropExpiredLeases, locationsAfter } from "../../catalog/queries/objects.ts";
import { evidenceAfter, packageById } from "../../catalog/queries/packages.ts";
import { evidenceDue, releasesAfter } from "../../catalog/queries/retention.ts";
import { partByStaging, uploadById } from "../../catalog/queries/uploads.ts";
import type { StorageLocationTable, UploadSessionTable } from "../../catalog/tables.ts";
import { planRelease, type RetentionDecision } from "../../retention/planner.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import type { ReportOptions } from "../records/pages.ts";
import type { CleanupEntry, CleanupReport, Reason } from "../records/store.ts";
import { planOf } from "../retention/plan.ts";
import { releaseFacts, type ReleaseForCleanup, releaseStillThere } from "../retention/release-facts.ts";
import { expireUploads } from "../uploads/expire-uploads.ts";
import {
  isCollectable,
  isUnrecorded,
  markUnneeded,
  removeMarked,
  removeUnrecorded,
} from "./collect-objects.ts";
import { lockReason } from "./lock-reason.ts";

/** Rows read, and objects deleted, at once. Small: the write lock is held for one batch of unlinks. */
const BATCH = 64;

/** Kept packages of evidence that a report names: there may be millions, and each says for itself why it stays. Of locked objects too. */
const MAX_KEPT = 10_000;
/** Objects whose store is asked at once whether it would delete them. */
const ASKED_AT_ONCE = 16;

/**
 * Deletes what nothing keeps: expired drafts, releases that left every window, evidence whose period ended; then the bytes nothing
 * refers to, stale staging and files without a row. Without `apply` it only says what would go. Every decision is made again inside the
 * transaction that acts on it.
 */
export async function cleanupStore(
  context: Context,
  options: ReportOptions & { apply?: boolean },
): Promise<CleanupReport> {
  requireScope(context.principal, "admin", { app: null });
  const run = new CleanupRun(context, options);
  await run.releases();
  await run.packages();
  await run.objects();
  await run.unrecordedFiles();
  await run.staging();
  return run.finish();
}

class CleanupRun {
  readonly #context: Context;
  readonly #apply: boolean;
  readonly #options: ReportOptions;
  readonly #kept: CleanupEntry[] = [];
  readonly #deleted: CleanupEntry[] = [];
  readonly #reasons: Record<string, readonly Reason[]> = {};
  /** How many objects and files are kept by a lock alone. */
  #locked = 0;
  /** Packages that go: in a dry run their bytes count as unreferenced though the rows still stand. */
  readonly #goingPackages = new Set<string>();

  constructor(context: Context, options: ReportOptions & { apply?: boolean }) {
    this.#context = context;
    this.#options = options;
    this.#apply = options.apply ?? false;
  }

  async releases(): Promise<void> {
    let last = "";
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const planned = await this.#context.database.read(async (reader) => {
        const now = toTimestamp(this.#context.clock.nowMs());
        const batch: { release: ReleaseForCleanup; decision: RetentionDecision }[] = [];
        for (const release of await reader.all(releasesAfter, { id: last, limit: BATCH })) {
          batch.push({ release, decision: planRelease(await releaseFacts(reader, release), now) });
        }
        return batch;
      });
      for (const { release, decision } of planned) await this.#release(release, decision);
      if (planned.length < BATCH) return;
      last = planned.at(-1)!.release.id;
      this.#options.onProgress?.({ phase: "releases", done: this.#kept.length, total: null });
    }
  }

  /** Evidence: a dry run looks at all of it, --apply at what is due. */
  async packages(): Promise<void> {
    let after = { due_at: "", id: "" };
    let kept = 0;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const planned = await this.#context.database.read(async (reader) => {
        const now = toTimestamp(this.#context.clock.nowMs());
        const rows = this.#apply
          ? await reader.all(evidenceDue, { now, ...after, limit: BATCH })
          : await reader.all(evidenceAfter, { id: after.id, limit: BATCH });
        const batch: { row: (typeof rows)[number]; decision: RetentionDecision }[] = [];
        for (const row of rows) {
          batch.push({ row, decision: await planOf(reader, { id: row.id, app_id: null }, now) });
        }
        return batch;
      });
      for (const { row, decision } of planned) {
        const entry = { id: row.id, kind: "package", bytes: row.size_bytes } as const;
        if (decision.action === "delete") await this.#package(entry, decision);
        else if (kept++ < MAX_KEPT) this.#note("kept", entry, decision.reasons);
      }
      if (planned.length < BATCH) return;
      after = planned.at(-1)!.row;
      this.#options.onProgress?.({ phase: "packages", done: kept + this.#deleted.length, total: null });
    }
  }

  async objects(): Promise<void> {
    let last = "";
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const { rows, unneeded } = await this.#context.database.read(async (reader) => {
        const now = toTimestamp(this.#context.clock.nowMs());
        const page = await reader.all(locationsAfter, { sha256: last, limit: BATCH });
        const unneededRows = [];
        for (const row of page) {
          if (row.status === "deleting" || (await isCollectable(reader, row.sha256, now, this.#going())))
            unneededRows.push(row);
        }
        return { rows: page, unneeded: unneededRows };
      });
      const kept = await this.#lockedAmong(unneeded);
      const goes = (which: string) =>
        unneeded.flatMap(({ status, sha256 }) => (status === which && !kept.has(sha256) ? sha256 : []));
      const fresh = goes("present");
      const gone = new Set(
        this.#apply && fresh.length > 0 ? await markUnneeded(this.#context, fresh) : fresh,
      );
      for (const sha256 of goes("deleting")) gone.add(sha256);
      if (this.#apply && gone.size > 0) {
        const locked = new Set(await removeMarked(this.#context, [...gone]));
        const refused = unneeded.filter(({ sha256 }) => locked.has(sha256));
        for (const [sha256, reason] of await this.#lockedAmong(refused)) kept.set(sha256, reason);
      }
      for (const { sha256, size_bytes: bytes } of unneeded) {
        const entry = { id: sha256, kind: "object", bytes } as const;
        const lock = kept.get(sha256);
        if (lock !== undefined) this.#noteLocked(entry, lock);
        else if (gone.has(sha256)) this.#note("deleted", entry, [unreferenced]);
      }
      if (rows.length < BATCH) return;
      last = rows.at(-1)!.sha256;
      this.#options.onProgress?.({ phase: "objects", done: this.#deleted.length, total: null });
    }
  }

  async unrecordedFiles(): Promise<void> {
    for await (const { key, sha256, sizeBytes, putAtMs } of this.#context.blobs.list()) {
      this.#options.signal?.throwIfAborted();
      if (sha256 === null) {
        this.#note("kept", { id: key, kind: "file", bytes: sizeBytes }, [stray]);
        continue;
      }
      const file = { sha256, key, putAtMs };
      const isUnneeded = await this.#context.database.read((reader) =>
        isUnrecorded(reader, file, this.#context, {
          nowMs: this.#context.clock.nowMs(),
          going: this.#going(),
        }),
      );
      if (!isUnneeded) continue;
      const entry = { id: key, kind: "file", bytes: sizeBytes } as const;
      const lock = await lockReason(this.#context, file);
      if (lock !== undefined) this.#noteLocked(entry, lock);
      else if (!this.#apply || (await removeUnrecorded(this.#context, file)))
        this.#note("deleted", entry, [unrecorded]);
    }
  }

  async staging(): Promise<void> {
    const staleBefore = this.#context.clock.nowMs() - this.#context.settings.expireAfterMs;
    for await (const { uploadId, sizeBytes, modifiedAtMs } of this.#context.blobs.listStaging()) {
      const session = await this.#sessionOf(uploadId);
      const isStale =
        session === undefined
          ? modifiedAtMs <= staleBefore
          : session.expires_at <= toTimestamp(this.#context.clock.nowMs());
      if (!isStale) continue;
      if (this.#apply && session === undefined) await this.#context.blobs.discard(uploadId);
      this.#note("deleted", { id: uploadId, kind: "staging", bytes: sizeBytes }, [stale]);
    }
    if (this.#apply) await expireUploads(this.#context);
  }

  /** The upload that these bytes belong to: it may have come to its end long after they arrived. */
  async #sessionOf(stagingId: string): Promise<UploadSessionTable | undefined> {
    return this.#context.database.read(async (reader) => {
      const part = await reader.first(partByStaging, { staging_id: stagingId });
      return part && reader.first(uploadById, { id: part.session_id });
    });
  }

  async finish(): Promise<CleanupReport> {
    if (this.#apply) await this.#record();
    return {
      ok: true,
      problems: [],
      applied: this.#apply,
      kept: this.#kept,
      deleted: this.#deleted,
      reasons: this.#reasons,
      next: null,
    };
  }

  /** Packages that count as gone. With --apply the rows of deleted packages say so themselves. */
  #going(): ReadonlySet<string> | undefined {
    return this.#apply ? undefined : this.#goingPackages;
  }

  async #release(release: ReleaseForCleanup, decision: RetentionDecision): Promise<void> {
    const kind = release.status === "draft" ? "draft" : "release";
    const entry = { id: release.id, kind, bytes: release.size_bytes } as const;
    const goes = decision.action === "delete";
    const done = goes && (!this.#apply || (await this.#deleteRelease(release.id)));
    if (done) this.#goingPackages.add(release.package_id);
    if (done || !goes) this.#note(done ? "deleted" : "kept", entry, decision.reasons);
  }

  async #package(entry: CleanupEntry, decision: RetentionDecision): Promise<void> {
    if (this.#apply && !(await this.#deletePackage(entry.id))) return;
    this.#goingPackages.add(entry.id);
    this.#note("deleted", entry, decision.reasons);
  }

  /** False when something keeps the package after all. */
  async #deletePackage(id: string): Promise<boolean> {
    return this.#context.database.write(this.#context.principal, async (tx) => {
      const row = await tx.first(packageById, { id });
      if (row === undefined || row.deleted_at !== null) return false;
      const decision = await planOf(tx, row, tx.now);
      if (decision.action === "keep") return false;
      const reason = decision.reasons[0]!.rule;
      await tx.record({
        type: "v1.package.deleted",
        subject: id,
        data: { app_id: null, package_id: id, reason },
      });
      return true;
    });
  }

  /** False when something keeps the release after all. */
  async #deleteRelease(id: string): Promise<boolean> {
    return this.#context.database.write(this.#context.principal, async (tx) => {
      const release = await releaseStillThere(tx, id);
      if (release === undefined) return false;
      const decision = planRelease(await releaseFacts(tx, release), tx.now);
      if (decision.action === "keep") return false;
      const { app_id, package_id } = release;
      const reason = decision.reasons[0]!.rule;
      await tx.record({
        type: "v1.release.deleted",
        subject: id,
        data: { app_id, release_id: id, package_id, reason },
      });
      await tx.record({
        type: "v1.package.deleted",
        subject: package_id,
        data: { app_id, package_id, reason },
      });
      return true;
    });
  }

  /** What keeps those of these objects that their store would not delete. */
  async #lockedAmong(rows: readonly StorageLocationTable[]): Promise<Map<string, Reason>> {
    const found = new Map<string, Reason>();
    await forEachAtMost(ASKED_AT_ONCE, rows, this.#options.signal, async (row) => {
      const { sha256, physical_key: key, locked_until: known } = row;
      const reason = await lockReason(this.#context, { sha256, key }, known);
      if (reason !== undefined) found.set(sha256, reason);
    });
    return found;
  }

  #noteLocked(entry: CleanupEntry, reason: Reason): void {
    this.#locked += 1;
    if (this.#locked <= MAX_KEPT) this.#note("kept", entry, [reason]);
  }

  #note(list: "kept" | "deleted", entry: CleanupEntry, reasons: readonly Reason[]): void {
    (list === "kept" ? this.#kept : this.#deleted).push(entry);
    this.#reasons[entry.id] = reasons;
  }

  async #record(): Promise<void> {
    const count = (kind: CleanupEntry["kind"]) => this.#deleted.filter((entry) => entry.kind === kind).length;
    const bytes = this.#deleted
      .filter(({ kind }) => kind === "object" || kind === "file" || kind === "staging")
      .reduce((sum, entry) => sum + entry.bytes, 0);
    await this.#context.database.write(this.#context.principal, async (tx) => {
      await tx.run(dropExpiredLeases, { now: tx.now });
      if (this.#deleted.length === 0) return;
      await tx.record({
        type: "v1.store.cleaned",
        subject: "store",
        data: {
          packages: count("package"),
          releases: count("release"),
          drafts: count("draft"),
          objects: count("object") + count("file"),
          staging: count("staging"),
          bytes,
        },
      });
    });
  }
}

const unreferenced: Reason = { rule: "unreferenced", until: null, ref: null, text: "Nothing refers to it." };
const unrecorded: Reason = {
  rule: "unrecorded",
  until: null,
  ref: null,
  text: "A file that no upload completed.",
};
const stale: Reason = {
  rule: "staging.stale",
  until: null,
  ref: null,
  text: "An upload that stopped long ago.",
};
const stray: Reason = {
  rule: "stray",
  until: null,
  ref: null,
  text: "Not made by this program; left alone.",
};
