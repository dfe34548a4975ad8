import { createHmac, timingSafeEqual } from "node:crypto";

import type { Context } from "hono";

import { authErrors } from "../registry/errors.ts";
import type { Session } from "../registry/sessions.ts";
import type { ServerEnv } from "./server-context.ts";

/** What a form of the session's own pages carries: nobody else can know it. */
export function csrfToken({ csrfKey }: Pick<Session, "csrfKey">): string {
  return createHmac("sha256", Buffer.from(csrfKey, "hex")).update("form").digest("base64url");
}

/** Raises `auth.csrf` unless the request comes from this site and `token` is the session's. */
export function checkCsrf(c: Context<ServerEnv>, token: string | null): void {
  requireSameOrigin(c);
  const { session } = c.var;
  const [wanted, given] = [Buffer.from(session ? csrfToken(session) : ""), Buffer.from(token ?? "")];
  if (session === undefined || wanted.length !== given.length || !timingSafeEqual(wanted, given)) refuse();
}

/** Raises `auth.csrf` for a request that a browser says another site made. */
export function requireSameOrigin(c: Context<ServerEnv>): void {
  const site = c.req.header("Sec-Fetch-Site");
  if (site !== undefined && site !== "same-origin" && site !== "none") refuse();
  const origin = c.req.header("Origin");
  const own = new URL(c.var.baseUrl).origin;
  if (origin !== undefined && origin !== own) refuse(`This server is known as ${own}: open its pages there.`);
}

function refuse(hint = "Open the page again, and send its form anew."): never {
  throw authErrors.error("auth.csrf", "The request does not come from a page of this session.", { hint });
}
