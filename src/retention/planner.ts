/** What may go, what must stay, and why: facts and policy in, a decision with its reasons out. Pure: no clock, no database. */

/** How long a draft may lie untouched before it expires: 7 days. */
export const DRAFT_IDLE_MS = 7 * 24 * 3600 * 1000;

/** One window that may keep a release. */
export interface WindowFact {
  /** The channel whose history the window is over; null for the window of releases that were never on a channel. */
  readonly channel: string | null;
  /** How many releases the window keeps; 0 keeps every one. */
  readonly keep: number;
  /**
   * How many unrevoked releases stand before this one in the window, counted no further than `keep`; null for a release
   * that is revoked and so holds no place in it.
   */
  readonly ahead: number | null;
}

/** What keeps a package whatever it is: evidence, or the substance of a release. Times are RFC 3339 UTC with milliseconds. */
export interface KeepingFacts {
  /** The class's default period; null without a class, `expiresAt` null for one that never ends. */
  readonly period: { readonly retentionClass: string; readonly expiresAt: string | null } | null;
  /** Granted later, each beyond the one before. */
  readonly extensions: readonly { readonly until: string; readonly reason: string }[];
  /** Those that are active. */
  readonly holds: readonly { readonly id: string; readonly reason: string; readonly case: string | null }[];
}

/** A package of evidence. */
export interface PackageFacts extends KeepingFacts {
  readonly id: string;
}

export interface ReleaseFacts extends KeepingFacts {
  readonly id: string;
  readonly status: "draft" | "published" | "revoked";
  /** A draft's last activity, milliseconds since the epoch. */
  readonly touchedAtMs: number;
  /** The channels that point at it now. */
  readonly currentIn: readonly string[];
  readonly windows: readonly WindowFact[];
}

export interface RetentionReason {
  readonly rule: string;
  readonly until: string | null;
  readonly ref: string | null;
  readonly text: string;
}

export interface RetentionDecision {
  readonly id: string;
  readonly action: "keep" | "delete";
  /** What keeps it, or, when nothing does, what lets it go. Never empty. */
  readonly reasons: readonly RetentionReason[];
}

/**
 * Decides about one package of evidence. It goes only when its period has ended, extensions and all, and nothing holds it. `now` is
 * RFC 3339 UTC with milliseconds.
 */
export function planPackage(facts: PackageFacts, now: string): RetentionDecision {
  const keeping = keepingReasons(facts, now);
  if (keeping.length > 0) return { id: facts.id, action: "keep", reasons: keeping };
  return { id: facts.id, action: "delete", reasons: [ended(facts)] };
}

/**
 * Decides about one release. It goes only when nothing keeps it: no channel points at it, no window holds it, no class
 * period or extension runs, no hold is active. `now` is RFC 3339 UTC with milliseconds.
 */
export function planRelease(facts: ReleaseFacts, now: string): RetentionDecision {
  if (facts.status === "draft") return planDraft(facts, now);
  const keeping = [
    ...currentReasons(facts),
    ...facts.windows.flatMap(windowReason),
    ...keepingReasons(facts, now),
  ];
  if (keeping.length > 0) return { id: facts.id, action: "keep", reasons: keeping };
  return { id: facts.id, action: "delete", reasons: [letGo(facts)] };
}

/** An idle draft is no release of its class yet, whose period does not keep it; holds and extensions keep whatever they are set on. */
function planDraft(facts: ReleaseFacts, now: string): RetentionDecision {
  const keeping = [...openReason(facts, now), ...holdReasons(facts), ...extensionReason(facts, now)];
  if (keeping.length > 0) return { id: facts.id, action: "keep", reasons: keeping };
  const text = "The draft lay untouched for 7 days.";
  return {
    id: facts.id,
    action: "delete",
    reasons: [{ rule: "draft.expired", until: null, ref: null, text }],
  };
}

function openReason({ touchedAtMs }: ReleaseFacts, now: string): RetentionReason[] {
  const until = new Date(touchedAtMs + DRAFT_IDLE_MS).toISOString();
  if (until <= now) return [];
  return [{ rule: "draft.open", until, ref: null, text: "The draft was worked on in the last 7 days." }];
}

function currentReasons(facts: ReleaseFacts): RetentionReason[] {
  return facts.currentIn.map((channel) => ({
    rule: "channel.current",
    until: null,
    ref: channel,
    text: `${channel} points at it.`,
  }));
}

function windowReason({ channel, keep, ahead }: WindowFact): RetentionReason[] {
  const rule = channel === null ? "app.window" : "channel.window";
  const where = channel ?? "the app";
  if (keep === 0) {
    const text =
      channel === null ? "The app keeps every release." : `${where} keeps every release it ever pointed at.`;
    return [{ rule, until: null, ref: channel, text }];
  }
  if (ahead === null || ahead >= keep) return [];
  const text = `It is number ${ahead + 1} of the ${keep} releases that ${where} keeps.`;
  return [{ rule, until: null, ref: channel, text }];
}

function keepingReasons(facts: KeepingFacts, now: string): RetentionReason[] {
  return [...holdReasons(facts), ...classReason(facts, now), ...extensionReason(facts, now)];
}

function holdReasons({ holds }: KeepingFacts): RetentionReason[] {
  return holds.map(({ id, reason, case: name }) => ({
    rule: "hold",
    until: null,
    ref: id,
    text: `A hold keeps it${name === null ? "" : ` for ${name}`}: ${reason}`,
  }));
}

function classReason({ period }: KeepingFacts, now: string): RetentionReason[] {
  if (period === null) return [];
  const { retentionClass, expiresAt } = period;
  if (expiresAt !== null && expiresAt <= now) return [];
  const text =
    expiresAt === null
      ? `The class ${retentionClass} keeps it for good.`
      : `The class ${retentionClass} keeps it until ${expiresAt}.`;
  return [{ rule: "class", until: expiresAt, ref: retentionClass, text }];
}

/** The last extension reaches beyond those before. */
function extensionReason({ extensions }: KeepingFacts, now: string): RetentionReason[] {
  const last = extensions.at(-1);
  if (last === undefined || last.until <= now) return [];
  return [
    { rule: "extension", until: last.until, ref: null, text: `Extended until ${last.until}: ${last.reason}` },
  ];
}

/** What its last grant was, and when that ended. */
function ended({ period, extensions }: KeepingFacts): RetentionReason {
  const until = extensions.at(-1)?.until ?? period?.expiresAt ?? null;
  const ref = period?.retentionClass ?? null;
  return {
    rule: "period.ended",
    until,
    ref,
    text: `Its period${ref === null ? "" : ` of class ${ref}`} ended${until === null ? "" : ` at ${until}`}, and nothing holds it.`,
  };
}

function letGo(facts: ReleaseFacts): RetentionReason {
  const revoked = facts.status === "revoked";
  return {
    rule: revoked ? "release.revoked" : "window.left",
    until: null,
    ref: null,
    text: revoked ? "It is revoked and nothing else keeps it." : "It has left every window that kept it.",
  };
}
