import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";

import type { ServerEnv } from "./server-context.ts";

/** Browsers take a cookie with this beginning over HTTPS only, from this host only, for the whole of it. */
const SECURE_NAME = "__Host-dist_session";
/** Over plain HTTP, as on a first try at home. */
const PLAIN_NAME = "dist_session";

const isSecure = ({ var: { baseUrl } }: Context<ServerEnv>) => baseUrl.startsWith("https:");

/** The session's secret that a browser keeps. */
export function sessionSecret(c: Context<ServerEnv>): string | undefined {
  return getCookie(c, isSecure(c) ? SECURE_NAME : PLAIN_NAME);
}

/** Has the browser keep a session's secret until it is closed; scripts do not get it, other sites' forms do not send it. */
export function setSessionCookie(c: Context<ServerEnv>, secret: string): void {
  const secure = isSecure(c);
  setCookie(c, secure ? SECURE_NAME : PLAIN_NAME, secret, {
    path: "/",
    httpOnly: true,
    sameSite: "Lax",
    secure,
  });
}

export function clearSessionCookie(c: Context<ServerEnv>): void {
  const secure = isSecure(c);
  deleteCookie(c, secure ? SECURE_NAME : PLAIN_NAME, { path: "/", secure });
}
