import { nearest } from "../base/text.ts";
import { platforms } from "../inspect/inspection.ts";
import type { AppSettings } from "../log/events.ts";
import { appErrors } from "./errors.ts";
import type { AppChanges, IosMode, SignerPinning, Visibility } from "./records/apps.ts";
import { retentionClassNames } from "./retention-classes.ts";

export const visibilities = ["public", "unlisted", "private"] as const satisfies readonly Visibility[];
export const iosModes = ["artifact_only", "testflight", "enterprise"] as const satisfies readonly IosMode[];
export const signerPinnings = ["first_use", "manual"] as const satisfies readonly SignerPinning[];

const MAX_NAME_LENGTH = 100;
/** Subject and issuer of a certificate are long. */
const MAX_PIN_LENGTH = 1_000;
/** Signers of one platform. */
export const MAX_PINS = 32;
const MAX_KEEP = 100_000;

/** The signers a platform is pinned to, by platform. */
export type Pins = { readonly [platform: string]: readonly string[] };

export interface AppState {
  readonly settings: AppSettings;
  readonly pins: Pins;
}

export function defaultAppSettings(slug: string, visibility: Visibility): AppSettings {
  return {
    display_name: slug,
    owner: null,
    visibility,
    allowed_platforms: [...platforms],
    bundle_ids: {},
    ios_mode: "artifact_only",
    testflight_url: null,
    retention_keep: 0,
    retention_class: null,
    signer_pinning: "first_use",
  };
}

/**
 * Applies changes to an app's state and checks the whole. Raises `app.invalid_setting`, `app.testflight_url_required`,
 * `app.bundle_id_required`, `app.reason_required`.
 */
export function applyAppChanges(before: AppState, changes: AppChanges): AppState {
  const old = before.settings;
  const settings: AppSettings = {
    display_name: text("display_name", changes.display_name ?? old.display_name),
    owner: given(changes.owner, old.owner, (owner) => (owner === null ? null : text("owner", owner))),
    visibility: oneOf("visibility", changes.visibility ?? old.visibility, visibilities),
    allowed_platforms: allowedPlatforms(changes.allowed_platforms ?? old.allowed_platforms),
    bundle_ids: bundleIds(old.bundle_ids, changes.bundle_ids ?? {}),
    ios_mode: oneOf("ios_mode", changes.ios_mode ?? old.ios_mode, iosModes),
    testflight_url: given(changes.testflight_url, old.testflight_url, testflightUrl),
    retention_keep: retentionKeep(changes.retention_keep ?? old.retention_keep),
    retention_class: given(changes.retention_class, old.retention_class, retentionClass),
    signer_pinning: oneOf(
      "signer_pinning",
      changes.signer_pinning ?? old.signer_pinning ?? "first_use",
      signerPinnings,
    ),
  };
  if (settings.ios_mode === "testflight" && settings.testflight_url === null) {
    throw appErrors.error(
      "app.testflight_url_required",
      "The TestFlight mode needs the app's TestFlight link.",
      {
        hint: "Give --testflight-url https://testflight.apple.com/join/…",
      },
    );
  }
  if (settings.ios_mode === "enterprise" && settings.bundle_ids["ios"] === undefined) {
    throw appErrors.error(
      "app.bundle_id_required",
      "The enterprise mode needs the app's iOS bundle identifier.",
      {
        hint: "Give --ios-bundle-id com.example.app",
      },
    );
  }
  const pins = applyPins(before.pins, changes);
  requireReason(before.pins, pins, changes.reason);
  return { settings, pins };
}

/** A pin that was relied on is changed for a reason; a first one needs none. */
function requireReason(before: Pins, after: Pins, reason: string | undefined): void {
  const changed = Object.entries(before).find(
    ([platform, signers]) => after[platform]?.join("\n") !== signers.join("\n"),
  );
  if (changed === undefined || (reason?.trim() ?? "") !== "") return;
  throw appErrors.error("app.reason_required", `Changing who may sign for ${changed[0]} needs a reason.`, {
    details: { platform: changed[0], pinned: changed[1] },
    hint: "Give --reason with what happened to the signer.",
  });
}

export const RETENTION_KEEP_RULE = `0 keeps every release; otherwise a whole number from 2 to ${MAX_KEEP}.`;

/** Whether this many releases can be kept: see `RETENTION_KEEP_RULE`. */
export function isRetentionKeep(value: number): boolean {
  return Number.isInteger(value) && (value === 0 || (value >= 2 && value <= MAX_KEEP));
}

function retentionKeep(value: number): number {
  if (isRetentionKeep(value)) return value;
  throw invalid("retention_keep", value, RETENTION_KEEP_RULE);
}

function given<T>(change: T | undefined, old: T, check: (value: T) => T): T {
  return change === undefined ? old : check(change);
}

function text(setting: string, value: string, maxLength = MAX_NAME_LENGTH): string {
  const trimmed = value.trim();
  if (
    trimmed.length > 0 &&
    trimmed.length <= maxLength &&
    trimmed.isWellFormed() &&
    !/\p{Cc}/u.test(trimmed)
  ) {
    return trimmed;
  }
  throw invalid(setting, value, `1 to ${maxLength} printable characters.`);
}

function oneOf<T extends string>(setting: string, value: string, allowed: readonly T[]): T {
  if ((allowed as readonly string[]).includes(value)) return value as T;
  const guess = nearest(value, allowed);
  throw invalid(
    setting,
    value,
    `One of ${allowed.join(", ")}.${guess === undefined ? "" : ` Did you mean ${guess}?`}`,
  );
}

function allowedPlatforms(values: readonly string[]): string[] {
  if (values.length === 0) throw invalid("allowed_platforms", values, "At least one platform.");
  const chosen = new Set(values.map((value) => oneOf("allowed_platforms", value, platforms)));
  return platforms.filter((platform) => chosen.has(platform));
}

/** Apple and Android identifiers alike: dotted segments of letters, digits, hyphens and underscores. */
function bundleIds(old: AppSettings["bundle_ids"], changes: NonNullable<AppChanges["bundle_ids"]>) {
  const merged: Record<string, string> = { ...old };
  for (const [platform, id] of Object.entries(changes)) {
    oneOf("bundle_ids", platform, platforms);
    if (id === null) delete merged[platform];
    else if (/^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/.test(id) && id.length <= 255)
      merged[platform] = id;
    else throw invalid("bundle_ids", id, "Dotted segments of letters, digits, hyphens and underscores.");
  }
  return merged;
}

function testflightUrl(value: string | null): string | null {
  if (value === null) return null;
  const url = URL.parse(value);
  const isPlain =
    url?.origin === "https://testflight.apple.com" && url.username === "" && url.password === "";
  if (isPlain && value.length <= 500) return url.href;
  throw invalid("testflight_url", value, "A link of the form https://testflight.apple.com/join/…");
}

function retentionClass(value: string | null): string | null {
  return value === null ? null : oneOf("retention_class", value, retentionClassNames);
}

function applyPins(old: Pins, changes: AppChanges): Pins {
  const pins: Record<string, readonly string[]> = { ...old };
  for (const platform of changes.unpin ?? []) delete pins[oneOf("unpin", platform, platforms)];
  for (const [platform, added] of Object.entries(changes.pin ?? {})) {
    oneOf("pin", platform, platforms);
    // An empty list would pin the platform to nobody.
    if (added.length === 0) continue;
    const values = added.map((value) => pinValue(platform, value));
    const all = [...new Set([...(pins[platform] ?? []), ...values])];
    if (all.length > MAX_PINS) throw invalid("pin", all.length, `At most ${MAX_PINS} signers a platform.`);
    pins[platform] = all;
  }
  return pins;
}

/** Android signers are certificate digests; the others are teams, names of certificates, fingerprints of keys. */
function pinValue(platform: string, value: string): string {
  if (!platform.startsWith("android_")) return text("pin", value, MAX_PIN_LENGTH);
  const digest = value.replaceAll(":", "").toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw invalid("pin", value, "The SHA-256 of the signing certificate: 64 hex characters, colons allowed.");
}

function invalid(setting: string, value: unknown, hint: string) {
  return appErrors.error("app.invalid_setting", `${setting} cannot be ${JSON.stringify(value)}.`, {
    details: { setting, value },
    hint,
  });
}
