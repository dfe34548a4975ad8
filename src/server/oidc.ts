import type * as Client from "openid-client";

import type { OidcSettings } from "../config/server-settings.ts";
import { authErrors } from "../registry/errors.ts";
import type { Scope } from "../registry/records/tokens.ts";
import type { Person } from "../registry/sessions.ts";

/** The provider is asked while somebody waits for a page. */
const TIMEOUT_SECONDS = 10;
const CALLBACK = "/admin/sign-in/oidc/callback";

/** What a browser keeps while its user is at the provider. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where to go on to. */
  readonly to: string;
}

/** Sign-in with an OpenID provider: OpenID Connect Core 1.0, the code flow with PKCE (RFC 7636). */
export interface Oidc {
  /** The provider's page to send somebody to. Raises `auth.oidc_unavailable`. */
  begin(baseUrl: string, to: string): Promise<{ readonly url: string; readonly pending: PendingSignIn }>;
  /**
   * Who came back with these parameters. Raises `auth.oidc_unavailable`, `auth.oidc_refused`, `auth.oidc_no_role`.
   */
  finish(baseUrl: string, search: string, pending: PendingSignIn): Promise<Person>;
}

/** What the scopes of each role are; of several roles the largest counts. */
const viewer: readonly Scope[] = ["read", "package.read", "audit"];
const releaseManager: readonly Scope[] = [...viewer, "publish", "promote", "package.write", "retention"];

/** The provider is asked for its description when it is first needed, so that a server starts while it is down. */
export function createOidc(settings: OidcSettings): Oidc {
  let found: Promise<{ client: typeof Client; config: Client.Configuration }> | undefined;
  const discover = async () => {
    found ??= discoverProvider(settings);
    try {
      return await found;
    } catch (error) {
      // Asked anew the next time.
      found = undefined;
      throw unavailable(settings, error);
    }
  };
  return {
    begin: async (baseUrl, to) => {
      const { client, config } = await discover();
      const pending = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
        to,
      };
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: `${baseUrl}${CALLBACK}`,
        scope: settings.scopes,
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: "S256",
      });
      return { url: url.href, pending };
    },
    finish: async (baseUrl, search, { state, nonce, verifier }) => {
      const { client, config } = await discover();
      const claims = await claimsOf(client, config, new URL(`${baseUrl}${CALLBACK}${search}`), settings, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      return personOf(claims, settings);
    },
  };
}

async function discoverProvider({ issuer, clientId, clientSecret }: OidcSettings) {
  const client = await import("openid-client");
  const url = new URL(issuer);
  const config = await client.discovery(
    url,
    clientId,
    undefined,
    clientSecret === null ? client.None() : client.ClientSecretPost(clientSecret.reveal()),
    {
      timeout: TIMEOUT_SECONDS,
      execute: [
        // The ID token's signature counts, not only the connection that it came over.
        client.enableNonRepudiationChecks,
        // Configuration lets plain HTTP through for loopback addresses alone.
        ...(url.protocol === "http:" ? [client.allowInsecureRequests] : []),
      ],
    },
  );
  return { client, config };
}

type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

/** The ID token's claims, and the user info's where the role is not among them. */
async function claimsOf(
  client: typeof Client,
  config: Client.Configuration,
  url: URL,
  settings: OidcSettings,
  checks: Client.AuthorizationCodeGrantChecks,
): Promise<Claims> {
  try {
    const tokens = await client.authorizationCodeGrant(config, url, checks);
    const claims = tokens.claims()!;
    const hasInfo = config.serverMetadata().userinfo_endpoint !== undefined;
    if (claims[settings.roleClaim] !== undefined || !hasInfo) return claims;
    return { ...(await client.fetchUserInfo(config, tokens.access_token, claims.sub)), ...claims };
  } catch (error) {
    const isNetwork =
      error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError");
    if (isNetwork) throw unavailable(settings, error);
    throw authErrors.error("auth.oidc_refused", "The identity provider did not vouch for you.", {
      hint: "Sign in again from the beginning.",
      cause: error,
    });
  }
}

function personOf(claims: Claims, settings: OidcSettings): Person {
  const value = claims[settings.roleClaim];
  const held = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "string");
  const has = (wanted: readonly string[]) => held.some((one) => wanted.includes(one));
  const scopes = has(settings.administrators)
    ? (["admin"] as const)
    : has(settings.releaseManagers)
      ? releaseManager
      : has(settings.viewers)
        ? viewer
        : undefined;
  // OpenID Connect Core 1.0, section 5.7: only `sub` is nobody else's. An address is readable, and theirs where the provider says that it looked.
  const { email, email_verified: isVerified } = claims;
  const subject = typeof email === "string" && email !== "" && isVerified === true ? email : claims.sub;
  if (scopes !== undefined) return { subject, scopes };
  throw authErrors.error("auth.oidc_no_role", `This server gives ${subject} no role.`, {
    details: { subject, claim: settings.roleClaim },
    hint: `Ask whoever runs it: the claim ${settings.roleClaim} has no value that is among its roles.`,
  });
}

function unavailable({ issuer }: OidcSettings, cause: unknown) {
  return authErrors.error("auth.oidc_unavailable", "The identity provider does not answer.", {
    details: { issuer },
    hint: "Try again in a moment, or sign in with a token.",
    cause,
  });
}
