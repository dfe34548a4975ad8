import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";

import type { PendingSignIn } from "./oidc.ts";
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

/** What is kept while somebody is at their identity provider: as long as a sign-in takes. */
const PENDING_SECONDS = 600;
const pendingName = (c: Context<ServerEnv>) => (isSecure(c) ? "__Host-dist_oidc" : "dist_oidc");

export function setPendingSignIn(c: Context<ServerEnv>, pending: PendingSignIn): void {
  setCookie(c, pendingName(c), Buffer.from(JSON.stringify(pending)).toString("base64url"), {
    path: "/",
    httpOnly: true,
    sameSite: "Lax",
    secure: isSecure(c),
    maxAge: PENDING_SECONDS,
  });
}

/** Takes it back: it is good for one answer. Undefined where there is none. */
export function takePendingSignIn(c: Context<ServerEnv>): PendingSignIn | undefined {
  const kept = getCookie(c, pendingName(c));
  deleteCookie(c, pendingName(c), { path: "/", secure: isSecure(c) });
  if (kept === undefined) return undefined;
  try {
    const { state, nonce, verifier, to } = JSON.parse(
      Buffer.from(kept, "base64url").toString("utf8"),
    ) as Partial<Record<keyof PendingSignIn, unknown>>;
    const texts = [state, nonce, verifier, to];
    if (!texts.every((text) => typeof text === "string")) return undefined;
    return { state, nonce, verifier, to } as PendingSignIn;
  } catch {
    return undefined;
  }
}
