/**
 * What packages and releases promise, in plain objects: written from the product's rules, not from its code. Times are milliseconds;
 * nothing here is fast, and everything is looked up from the beginning each time.
 */

const DAY_MS = 24 * 3600 * 1000;
const LEASE_MS = DAY_MS;
const DRAFT_IDLE_MS = 7 * DAY_MS;

export interface ModelChannel {
  readonly name: string;
  keep: number | null;
  /** Promotions push, rollbacks pop; the last is the current one. */
  stack: ModelPackage[];
  /** Every pointing there ever was, oldest first. */
  readonly pointings: ModelPackage[];
}

export interface ModelApp {
  readonly slug: string;
  keep: number;
  retentionClass: string | null;
  readonly channels: Map<string, ModelChannel>;
}

export interface ModelRelease {
  readonly id: string;
  readonly app: ModelApp;
  readonly createdAtMs: number;
  status: "draft" | "published" | "revoked";
  /** When the draft was last worked on. */
  touchedAtMs: number;
}

export interface ModelHold {
  readonly id: string;
  readonly of: ModelPackage;
  isActive: boolean;
}

export interface ModelPackage {
  readonly id: string;
  readonly release: ModelRelease | null;
  readonly key: string | null;
  readonly retentionClass: string | null;
  /** Null for no end, or no class. */
  readonly classUntilMs: number | null;
  status: "created" | "uploading" | "finalized" | "failed" | "deleted";
  readonly extensionsMs: number[];
  readonly holds: ModelHold[];
  /** Path → SHA-256. */
  readonly files: Map<string, string>;
  manifest: string | null;
  /** What was recorded about its deletion, in order. */
  readonly marks: string[];
}

export const ELIGIBLE = "v1.retention.deletion_eligible";
export const INELIGIBLE = "v1.retention.deletion_ineligible";

export class RetentionModel {
  /** What the clock says; it can be set back. */
  nowMs: number;
  /** When the last event was recorded: no event is recorded earlier. */
  lastEventMs = 0;
  readonly packages: ModelPackage[] = [];
  readonly holds: ModelHold[] = [];
  readonly apps: ModelApp[] = ["acme", "beta-app"].map((slug) => ({
    slug,
    keep: 0,
    retentionClass: null,
    channels: new Map(),
  }));
  /** Bytes that are stored. */
  readonly stored = new Set<string>();
  /** Until when an upload keeps its bytes, by SHA-256. */
  readonly leasesMs = new Map<string, number>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** The time of what is recorded now. */
  get writeMs(): number {
    return Math.max(this.nowMs, this.lastEventMs);
  }

  get live(): ModelPackage[] {
    return this.packages.filter(({ status }) => status !== "deleted");
  }

  // What keeps a package ----------------------------------------------------------------------------------------------

  /** `rule ref until` of everything that keeps it at that time; empty when it may go. */
  keepers(of: ModelPackage, atMs: number): string[] {
    const { release } = of;
    const grants = [
      ...of.holds.filter(({ isActive }) => isActive).map(({ id }) => `hold ${id}`),
      ...this.#class(of, atMs),
      ...this.#extension(of, atMs),
    ];
    if (release === null) return grants;
    if (release.status !== "draft") return [...this.#channels(of), ...this.#windows(of), ...grants];
    // "Drafts expire after 7 idle days": no class makes that longer, holds and extensions do.
    const idleMs = release.touchedAtMs + DRAFT_IDLE_MS;
    const open = idleMs > atMs ? [`draft.open ${toText(idleMs)}`] : [];
    return [...open, ...grants.filter((grant) => !grant.startsWith("class "))];
  }

  mayGo(of: ModelPackage, atMs: number): boolean {
    return of.status !== "deleted" && this.keepers(of, atMs).length === 0;
  }

  /** What `reasons` must say, in any order. */
  reasons(of: ModelPackage, atMs: number): string[] {
    if (of.status === "deleted") return ["deleted"];
    const keepers = this.keepers(of, atMs);
    if (keepers.length > 0) return keepers;
    if (of.release === null) {
      return [`period.ended ${of.retentionClass} ${toText(of.extensionsMs.at(-1) ?? of.classUntilMs!)}`];
    }
    const rules = { draft: "draft.expired", published: "window.left", revoked: "release.revoked" } as const;
    return [rules[of.release.status]];
  }

  #class({ retentionClass, classUntilMs }: ModelPackage, atMs: number): string[] {
    if (retentionClass === null || (classUntilMs !== null && classUntilMs <= atMs)) return [];
    return [
      classUntilMs === null ? `class ${retentionClass}` : `class ${retentionClass} ${toText(classUntilMs)}`,
    ];
  }

  #extension({ extensionsMs }: ModelPackage, atMs: number): string[] {
    const untilMs = Math.max(...extensionsMs);
    return untilMs > atMs ? [`extension ${toText(untilMs)}`] : [];
  }

  #channels(of: ModelPackage): string[] {
    const channels = [...of.release!.app.channels.values()];
    return channels.filter(({ stack }) => stack.at(-1) === of).map(({ name }) => `channel.current ${name}`);
  }

  /** "The current release plus the N−1 most recently pointed-at distinct unrevoked releases." 0 keeps every one. */
  #windows(of: ModelPackage): string[] {
    const { app } = of.release!;
    const channels = [...app.channels.values()].filter(({ pointings }) => pointings.includes(of));
    if (channels.length === 0) {
      return app.keep === 0 || this.#neverPointedAt(app).slice(0, app.keep).includes(of)
        ? ["app.window"]
        : [];
    }
    return channels.flatMap(({ name, keep, pointings }) => {
      const count = keep ?? app.keep;
      const latest = [...new Set(pointings.toReversed())].filter(isPublished);
      return count === 0 || latest.slice(0, count).includes(of) ? [`channel.window ${name}`] : [];
    });
  }

  /** Newest first. */
  #neverPointedAt(app: ModelApp): ModelPackage[] {
    const pointed = new Set([...app.channels.values()].flatMap(({ pointings }) => pointings));
    const others = this.packages.filter(
      (each) => each.release?.app === app && isPublished(each) && !pointed.has(each),
    );
    return others.toSorted(
      (one, other) =>
        other.release!.createdAtMs - one.release!.createdAtMs ||
        (other.release!.id < one.release!.id ? -1 : 1),
    );
  }

  // Bytes -------------------------------------------------------------------------------------------------------------

  upload(sha256: string): void {
    this.stored.add(sha256);
    this.leasesMs.set(sha256, this.writeMs + LEASE_MS);
  }

  /** Whether somebody may name these bytes without bringing them. */
  isKnown(sha256: string): boolean {
    return (this.leasesMs.get(sha256) ?? 0) > this.writeMs || this.isNamed(sha256, this.live);
  }

  isNamed(sha256: string, by: readonly ModelPackage[]): boolean {
    return by.some(({ files }) => [...files.values()].includes(sha256));
  }

  /** Those that nothing needs once `gone` are gone. A manifest is needed for ever. */
  unneeded(atMs: number, gone: readonly ModelPackage[] = []): string[] {
    const stay = this.live.filter((each) => !gone.includes(each));
    const manifests = new Set(this.packages.map(({ manifest }) => manifest));
    return [...this.stored].filter(
      (sha256) =>
        !manifests.has(sha256) && !this.isNamed(sha256, stay) && (this.leasesMs.get(sha256) ?? 0) <= atMs,
    );
  }

  // Evidence ----------------------------------------------------------------------------------------------------------

  /** The package that a key stands for. */
  keyed(key: string | null): ModelPackage | undefined {
    return this.live.find((each) => key !== null && each.key === key && each.status !== "failed");
  }

  /** Adds these paths with the same bytes, or answers why not. */
  add(to: ModelPackage, paths: readonly string[], sha256: string, replace: boolean): string {
    if (!isOpen(to)) return "package.not_open";
    const collides = paths.some((path) =>
      [...to.files.keys(), ...paths].some((other) => collide(path, other)),
    );
    const differs = paths.some((path) => to.files.has(path) && to.files.get(path) !== sha256);
    if (collides || (differs && !replace)) return "package.duplicate_path";
    const isChanged = paths.some((path) => to.files.get(path) !== sha256);
    if (isChanged && !this.isKnown(sha256)) return "object.missing";
    for (const path of paths) to.files.set(path, sha256);
    if (isChanged) to.status = "uploading";
    this.leasesMs.delete(sha256);
    return "ok";
  }

  remove(from: ModelPackage, path: string): string {
    if (!isOpen(from)) return "package.not_open";
    return from.files.delete(path) ? "ok" : "package.file_not_found";
  }

  /** What a finalization answers; the manifest's digest comes from the answer. */
  finalizing(of: ModelPackage): string {
    if (of.release === null && of.status === "finalized") return "ok";
    if (!isOpen(of)) return "package.not_open";
    return of.files.size === 0 ? "package.empty" : "ok";
  }

  fail(of: ModelPackage): string {
    if (!isOpen(of)) return "package.not_open";
    of.status = "failed";
    return "ok";
  }

  // Grants ------------------------------------------------------------------------------------------------------------

  extend(of: ModelPackage, untilMs: number): string {
    if (of.status === "deleted") return "package.deleted";
    if (of.retentionClass !== null && of.classUntilMs === null) return "retention.permanent";
    const beforeMs = Math.max(of.classUntilMs ?? 0, ...of.extensionsMs);
    if (untilMs <= beforeMs || untilMs <= this.writeMs) return "retention.not_later";
    of.extensionsMs.push(untilMs);
    this.#needAgain(of);
    return "ok";
  }

  hold(of: ModelPackage, id: string): void {
    const hold = { id, of, isActive: true };
    of.holds.push(hold);
    this.holds.push(hold);
    this.#needAgain(of);
  }

  releaseHold(hold: ModelHold): string {
    if (hold.of.status === "deleted") return "package.deleted";
    if (!hold.isActive) return "hold.already_released";
    hold.isActive = false;
    return "ok";
  }

  // Channels ----------------------------------------------------------------------------------------------------------

  channel(app: ModelApp, name: string): ModelChannel {
    const present = app.channels.get(name) ?? { name, keep: null, stack: [], pointings: [] };
    app.channels.set(name, present);
    return present;
  }

  promote(channel: ModelChannel | undefined, to: ModelPackage): string {
    if (channel === undefined) return "channel.not_found";
    if (to.status !== "deleted" && to.release!.status === "revoked") return "release.revoked";
    if (!isPublished(to)) return "release.not_published";
    if (channel.stack.at(-1) === to) return "ok";
    channel.stack.push(to);
    this.#point(channel, to);
    return "ok";
  }

  /** Back to the release before, past those that are revoked or deleted. */
  rollback(channel: ModelChannel | undefined): string {
    if (channel === undefined) return "channel.not_found";
    const place = channel.stack.findLastIndex((each) => isPublished(each) && each !== channel.stack.at(-1));
    if (place === -1) return "channel.no_previous_release";
    channel.stack = channel.stack.slice(0, place + 1);
    this.#point(channel, channel.stack[place]!);
    return "ok";
  }

  revoke(of: ModelPackage): string {
    const release = of.release!;
    if (of.status !== "deleted" && release.status === "revoked") return "ok";
    if (!isPublished(of)) return "release.not_published";
    release.status = "revoked";
    for (const channel of release.app.channels.values()) {
      if (channel.stack.at(-1) === of && this.rollback(channel) !== "ok") channel.stack = [];
    }
    return "ok";
  }

  #point(channel: ModelChannel, to: ModelPackage): void {
    channel.pointings.push(to);
    this.#needAgain(to);
  }

  // Marks and deletion ------------------------------------------------------------------------------------------------

  isMarked({ marks }: ModelPackage): boolean {
    return marks.at(-1) === ELIGIBLE;
  }

  /** What a sweep records. */
  sweep(): { marked: string[]; unmarked: string[] } | "clock.skew" {
    if (this.nowMs < this.lastEventMs) return "clock.skew";
    const isDraft = ({ release }: ModelPackage) => release?.status === "draft";
    const settled = this.live.filter(
      (each) => !isDraft(each) && this.mayGo(each, this.nowMs) !== this.isMarked(each),
    );
    for (const each of settled) each.marks.push(this.isMarked(each) ? INELIGIBLE : ELIGIBLE);
    const [marked, unmarked] = [true, false].map((isMarked) =>
      settled.filter((each) => this.isMarked(each) === isMarked).map(({ id }) => id),
    );
    return { marked: marked!, unmarked: unmarked! };
  }

  /** "Recorded in the transaction of the hold, extension or promotion that caused it." */
  #needAgain(of: ModelPackage): void {
    if (this.isMarked(of) && !this.mayGo(of, this.writeMs)) of.marks.push(INELIGIBLE);
  }

  /** What a cleanup takes; with `apply` it is taken. */
  cleanup(apply: boolean): { packages: ModelPackage[]; objects: string[] } {
    const packages = this.live.filter((each) => this.mayGo(each, this.nowMs));
    const objects = this.unneeded(this.nowMs, packages);
    if (apply) {
      for (const each of packages) each.status = "deleted";
      for (const sha256 of objects) this.stored.delete(sha256);
    }
    return { packages, objects };
  }
}

export function isOpen({ release, status }: ModelPackage): boolean {
  return release === null && (status === "created" || status === "uploading");
}

function isPublished({ release, status }: ModelPackage): boolean {
  return status !== "deleted" && release!.status === "published";
}

/** Not the same, and yet not every file system could hold both. */
function collide(path: string, other: string): boolean {
  const [one, two] = [path.toLowerCase(), other.toLowerCase()];
  return path !== other && (one === two || one.startsWith(`${two}/`) || two.startsWith(`${one}/`));
}

export function toText(ms: number): string {
  return new Date(ms).toISOString();
}
