import type { AppTable } from "../catalog/tables.ts";
import { appErrors, authErrors } from "./errors.ts";
import type { Principal } from "./principal.ts";
import type { Scope } from "./records/tokens.ts";

/** What each scope carries besides itself. `admin` carries everything. */
const implied: { readonly [scope in Scope]?: readonly Scope[] } = {
  publish: ["read"],
  promote: ["read"],
  "package.write": ["package.read"],
  retention: ["package.read"],
};

/** True when the principal's scopes hold this one, by themselves or by implication. Limits are another question. */
export function hasScope(principal: Principal, scope: Scope): boolean {
  if (principal.scopes.has("admin") || principal.scopes.has(scope)) return true;
  for (const own of principal.scopes) if (implied[own]?.includes(scope)) return true;
  return false;
}

/** Where an act takes place: a limited token may act only inside its limits. */
export interface Place {
  /** The app's slug; null for what belongs to no app. */
  readonly app: string | null;
  /** The channel that the act names; undefined for acts that are not about channels at all. */
  readonly channel?: string | null | undefined;
}

/**
 * Raises `auth.missing_token`, `auth.missing_scope`, `auth.wrong_app` or `auth.wrong_channel` unless the principal may
 * change something at this place.
 */
export function requireScope(principal: Principal, scope: Scope, place: Place): void {
  if (principal.actor === "anonymous") {
    throw authErrors.error("auth.missing_token", `This needs a token with the scope ${scope}.`, {
      details: { scope },
    });
  }
  if (!hasScope(principal, scope)) {
    throw authErrors.error("auth.missing_scope", `This needs the scope ${scope}.`, { details: { scope } });
  }
  if (principal.app !== null && principal.app !== place.app) {
    throw authErrors.error("auth.wrong_app", `The token is limited to the app ${principal.app}.`, {
      details: { limited_to: principal.app, app: place.app },
    });
  }
  if (principal.channel !== null && principal.channel !== place.channel) {
    throw authErrors.error(
      "auth.wrong_channel",
      `The token is limited to the channel ${principal.channel}.`,
      {
        details: { limited_to: principal.channel, channel: place.channel ?? null },
      },
    );
  }
}

/** Raises `auth.missing_token` for callers without credentials, where any token will do. */
export function requireToken(principal: Principal): void {
  if (principal.actor === "anonymous") requireScope(principal, "read", { app: null });
}

/** True when the principal holds `scope` for the whole store: limited to no app and no channel. */
export function mayInStore(principal: Principal, scope: Scope): boolean {
  return hasScope(principal, scope) && principal.app === null && principal.channel === null;
}

/** True when the principal holds `scope` where this app is: channel limits do not narrow reading. */
export function mayInApp(principal: Principal, scope: Scope, slug: string): boolean {
  return hasScope(principal, scope) && (principal.app === null || principal.app === slug);
}

/** True when the principal may know that the app exists. Unlisted apps open by their exact slug. */
export function maySeeApp(principal: Principal, app: Pick<AppTable, "slug" | "visibility">): boolean {
  return (
    app.visibility !== "private" || mayInApp(principal, "read", app.slug) || principal.share?.app === app.slug
  );
}

/**
 * All of a principal that decides what they are shown, as text: everything but who they are. Two principals of one class get
 * the same answers about an app.
 */
export function readerClass({ scopes, app, channel, share }: Principal): string {
  return JSON.stringify([[...scopes].toSorted(), app, channel, share?.app, share?.channel]);
}

/** False for a channel that a share link of another channel does not open. */
export function opensChannel({ share }: Principal, channel: string): boolean {
  return share === undefined || share.channel === null || share.channel === channel;
}

/** What somebody gets who asks for an app that is not there, or not for them: the same, so that nothing leaks. */
export function appNotFound(slug: string) {
  return appErrors.error("app.not_found", `There is no app ${slug}.`, { details: { app: slug } });
}
