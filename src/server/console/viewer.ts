import type { Context } from "hono";
import { getCookie } from "hono/cookie";

import { hasScope, mayInApp } from "../../registry/access.ts";
import type { Principal } from "../../registry/principal.ts";
import type { Scope } from "../../registry/records/tokens.ts";
import type { Registry } from "../../registry/registry.ts";
import { csrfToken } from "../csrf.ts";
import type { ServerEnv } from "../server-context.ts";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** Cookies for what a browser shows, of no use to anybody else. */
export const themeCookie = "dist_theme";
export const keysCookie = "dist_keys";

/** Somebody who is signed in, looking at a page. */
export interface Viewer {
  readonly principal: Principal;
  readonly registry: Registry;
  readonly sessionId: string;
  /** What every form carries. */
  readonly csrf: string;
  /** The moment that relative times count from. */
  readonly nowMs: number;
  readonly theme: Theme;
  /** Whether single keys do something: they can be switched off (WCAG 2.1.4). */
  readonly hasKeys: boolean;
  /** Scheme, host and port, without a trailing slash. */
  readonly baseUrl: string;
}

/** The viewer of a request whose session was found; see `requireSession`. */
export function viewerOf(c: Context<ServerEnv>, nowMs: number): Viewer {
  const session = c.var.session!;
  const theme = getCookie(c, themeCookie);
  return {
    principal: c.var.principal,
    registry: c.var.registry,
    sessionId: session.id,
    csrf: csrfToken(session),
    nowMs,
    theme: themes.find((one) => one === theme) ?? "auto",
    hasKeys: getCookie(c, keysCookie) !== "off",
    baseUrl: c.var.baseUrl,
  };
}

/** Whether the viewer may act at all with this scope, or in this app: what they may not do is not offered. */
export function may({ principal }: Pick<Viewer, "principal">, scope: Scope, app?: string): boolean {
  return app === undefined ? hasScope(principal, scope) : mayInApp(principal, scope, app);
}

/** Whether the viewer may move this channel of the app. */
export function mayMove({ principal }: Pick<Viewer, "principal">, app: string, channel: string): boolean {
  return mayInApp(principal, "promote", app) && (principal.channel ?? channel) === channel;
}

/** What the viewer's scopes amount to, in words. */
export function roleOf({ principal }: Pick<Viewer, "principal">): string {
  const role = hasScope(principal, "admin")
    ? "Administrator"
    : hasScope(principal, "promote")
      ? "Release manager"
      : hasScope(principal, "publish")
        ? "Publisher"
        : "Viewer";
  return principal.app === null ? role : `${role} of ${principal.app}`;
}
