import type { Context, MiddlewareHandler } from "hono";

import { DistError } from "../base/errors.ts";
import { authErrors } from "../registry/errors.ts";
import type { PresentedLink } from "../registry/links/signed-links.ts";
import { anonymousPrincipal, type Principal } from "../registry/principal.ts";
import { type Attempts, countAttempts } from "./attempts.ts";
import { clientReader } from "./client.ts";
import { httpErrors } from "./http-errors.ts";
import type { ServerDeps, ServerEnv } from "./server-context.ts";
import { clearSessionCookie, sessionSecret, setSessionCookie } from "./session-cookie.ts";
import { presentedLink } from "./signed-address.ts";

/** What somebody shows to be let in: the header Authorization, a signed address, a share link's secret, or a session's cookie. */
type Credential =
  | { readonly header: string }
  | { readonly link: PresentedLink }
  | { readonly share: string }
  | { readonly session: string };

/**
 * Says who is asking, for every route behind it. Raises `auth.malformed_token`, `auth.unknown_token`, `auth.revoked`,
 * `auth.expired`, `share.*`, `download.link_invalid`, `download.link_expired`, and `request.too_many_attempts` for an
 * address with too many of these, whatever it presents.
 */
export function identify(deps: ServerDeps): MiddlewareHandler<ServerEnv> {
  const { store, settings, clock } = deps;
  const readClient = clientReader(settings.trustedProxies);
  const attempts = countAttempts(() => clock.nowMs(), settings.workers);
  return async (c, next) => {
    const { address, origin } = readClient(c);
    c.set("clientAddress", address);
    c.set("baseUrl", settings.publicUrl ?? origin);
    const credential = credentialOf(c);
    c.set("share", credential !== undefined && "share" in credential ? credential.share : undefined);
    c.set("session", undefined);
    const attempt = attemptsOf(address, attempts);
    c.set("attempt", attempt);
    const principal =
      credential === undefined
        ? anonymousPrincipal
        : "session" in credential
          ? await principalOfSession(c, credential.session, deps)
          : await attempt(() => principalOf(credential, deps));
    c.set("principal", principal);
    c.set("registry", store.as(principal));
    await next();
  };
}

function credentialOf(c: Context<ServerEnv>): Credential | undefined {
  const header = c.req.header("authorization");
  if (header !== undefined) return { header };
  const link = presentedLink(c.req);
  if (link !== undefined) return { link };
  const share = takesShares(c) ? c.req.query("share") : undefined;
  if (share !== undefined) return { share };
  const session = takesSessions(c) ? sessionSecret(c) : undefined;
  return session === undefined ? undefined : { session };
}

/** A cookie goes with every request, whoever made the browser send it: it changes something in the console alone, which looks for that. */
function takesSessions({ req }: Context<ServerEnv>): boolean {
  return req.method === "GET" || req.method === "HEAD" || req.path.startsWith("/admin/");
}

/** A share link opens pages and downloads, for looking only; the API knows tokens alone. */
function takesShares({ req }: Context<ServerEnv>): boolean {
  const isRead = req.method === "GET" || req.method === "HEAD";
  return (
    isRead && (req.path === "/" || req.path.startsWith("/install/") || req.path.startsWith("/download/"))
  );
}

/** Somebody whose session has ended is anonymous: pages that need more send them to sign in. */
async function principalOfSession(
  c: Context<ServerEnv>,
  secret: string,
  { store }: ServerDeps,
): Promise<Principal> {
  try {
    const { principal, session, newSecret } = await store.authenticateSession(secret);
    c.set("session", session);
    if (newSecret !== null) setSessionCookie(c, newSecret);
    return principal;
  } catch (error) {
    if (!(error instanceof DistError) || !isFailedAttempt(error)) throw error;
    clearSessionCookie(c);
    return anonymousPrincipal;
  }
}

function principalOf(
  credential: Exclude<Credential, { session: string }>,
  { store }: ServerDeps,
): Promise<Principal> {
  if ("header" in credential) return store.authenticate(bearerOf(credential.header));
  if ("link" in credential) return store.authenticateLink(credential.link);
  return store.authenticateShare(credential.share);
}

/** Counts the failures of an address, and lets none through that has too many. */
function attemptsOf(address: string, attempts: Attempts): ServerEnv["Variables"]["attempt"] {
  return async (authenticate) => {
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
      return await authenticate();
    } catch (error) {
      if (error instanceof DistError && isFailedAttempt(error)) attempts.failed(address);
      throw error;
    }
  };
}

/** A signed address that has expired was signed here: nobody guessed, and devices follow it again by themselves. */
function isFailedAttempt({ code }: DistError): boolean {
  return /^(auth|share)\./.test(code) || code === "download.link_invalid";
}

/** RFC 6750, section 2.1: `credentials = "Bearer" 1*SP b64token`; RFC 9110: the scheme's name is case-insensitive. */
function bearerOf(header: string): string {
  const secret = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (secret === undefined) {
    throw authErrors.error("auth.malformed_token", "The header Authorization is not `Bearer` and a token.");
  }
  return secret;
}
