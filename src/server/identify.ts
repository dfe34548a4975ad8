import type { MiddlewareHandler } from "hono";

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
  const attempts = countAttempts(() => clock.nowMs());
  return async (c, next) => {
    const { address, origin } = readClient(c);
    c.set("clientAddress", address);
    c.set("baseUrl", settings.publicUrl ?? origin);
    const header = c.req.header("authorization");
    const principal =
      header === undefined ? anonymousPrincipal : await principalOf(header, address, deps, attempts);
    c.set("principal", principal);
    c.set("registry", store.as(principal));
    await next();
  };
}

async function principalOf(
  header: string,
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
    return await store.authenticate(bearerOf(header));
  } catch (error) {
    if (error instanceof DistError && error.code.startsWith("auth.")) attempts.failed(address);
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
