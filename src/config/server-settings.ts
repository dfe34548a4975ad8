import type { Secret } from "../base/secret.ts";

/** What an operator can set about the server itself; the store's settings are its own. */
export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  /** How many processes answer on the port. */
  readonly workers: number;
  /** Where people reach the server, without a trailing slash; null: as the request says. */
  readonly publicUrl: string | null;
  /** Addresses whose forwarded headers count. */
  readonly trustedProxies: readonly string[];
  readonly maxUploadBytes: number;
  /** Who sends the bytes of a download: this process, or the proxy in front of it. */
  readonly sendFile: "off" | "x-accel" | "x-sendfile";
  /** With whom people sign in to the console; null: with tokens alone. */
  readonly oidc: OidcSettings | null;
}

/** An OpenID provider, and what its claims make of people. */
export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Null for a public client. */
  readonly clientSecret: Secret | null;
  readonly scopes: string;
  readonly roleClaim: string;
  readonly viewers: readonly string[];
  readonly releaseManagers: readonly string[];
  readonly administrators: readonly string[];
}
