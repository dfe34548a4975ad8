import type { Context, MiddlewareHandler } from "hono";

import { DistError } from "../base/errors.ts";
import { authErrors } from "../registry/errors.ts";
import { anonymousPrincipal, type Principal } from "../registry/principal.ts";
import { type Attempts, countAttempts } from "./attempts.ts";
import { clientReader } from "./client.ts";
import { httpErrors } from "./http-errors.ts";
import type { ServerDeps, ServerEnv } from "./server-context.ts";

/**
 * Says who is asking, for every route behind it. Raises `auth.malformed_token`, `auth.unknown_token`, `auth.revoked`,
 * `auth.expired`, and `request.too_many_attempts` for an address with too many of these, whatever it presents.
 */
export function identify(deps: ServerDeps): MiddlewareHandler<ServerEnv> {
  const { store, settings, clock } = deps;
  const readClient = clientReader(settings.trustedProxies);
  const attempts = countAttempts(() => clock.nowMs(), settings.workers);
  return async (c, next) => {
    const { address, origin } = readClient(c);
    c.set("clientAddress", address);
    c.set("baseUrl", settings.publicUrl ?? origin);
    const header = c.req.header("authorization");
    const share = header === undefined && takesShares(c) ? c.req.query("share") : undefined;
    c.set("share", share);
    const principal =
      header === undefined && share === undefined
        ? anonymousPrincipal
        : await principalOf({ header, share }, address, deps, attempts);
    c.set("principal", principal);
    c.set("registry", store.as(principal));
    await next();
  };
}

/** A share link opens pages and downloads, for looking only; the API knows tokens alone. */
function takesShares({ req }: Context<ServerEnv>): boolean {
  const isRead = req.method === "GET" || req.method === "HEAD";
  return (
    isRead && (req.path === "/" || req.path.startsWith("/install/") || req.path.startsWith("/download/"))
  );
}

async function principalOf(
  { header, share }: { header: string | undefined; share: string | undefined },
  address: string,
  { store }: ServerDeps,
  attempts: Attempts,
): Promise<Principal> {
  const waitSeconds = attempts.waitSeconds(address);
  if (waitSeconds > 0) {
    throw httpErrors.error(
      "request.too_many_attempts",
      "Too many failed credentials came from your address.",
      {
        details: { retry_after_seconds: waitSeconds },
        hint: `Try again in ${waitSeconds} s, with credentials that are right.`,
      },
    );
  }
  try {
    return share === undefined
      ? await store.authenticate(bearerOf(header ?? ""))
      : await store.authenticateShare(share);
  } catch (error) {
    if (error instanceof DistError && /^(auth|share)\./.test(error.code)) attempts.failed(address);
    throw error;
  }
}

/** RFC 6750, section 2.1: `credentials = "Bearer" 1*SP b64token`; RFC 9110: the scheme's name is case-insensitive. */
function bearerOf(header: string): string {
  const secret = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (secret === undefined) {
    throw authErrors.error("auth.malformed_token", "The header Authorization is not `Bearer` and a token.");
  }
  return secret;
}
