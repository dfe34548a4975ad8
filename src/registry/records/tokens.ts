import type { PageRequest } from "./pages.ts";

export const scopes = [
  "read",
  "publish",
  "promote",
  "package.write",
  "package.read",
  "retention",
  "token",
  "audit",
  "admin",
] as const;
export type Scope = (typeof scopes)[number];

export interface TokenRequest {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly app?: string | null;
  readonly channel?: string | null;
  /** A duration from now, such as `30d`; null for a token that does not expire. */
  readonly expires_in?: string | null;
}

/** Somebody who is signed in to the console, in one browser. */
export interface SessionRecord {
  readonly id: string;
  readonly actor: string;
  /** The token that it was made from and ends with; null for a person whom a provider vouched for. */
  readonly token_id: string | null;
  readonly scopes: readonly Scope[];
  readonly app: string | null;
  readonly channel: string | null;
  /** As the browser names itself. */
  readonly user_agent: string | null;
  readonly created_at: string;
  /** Exact to a minute. */
  readonly last_seen_at: string;
  readonly expires_at: string;
}

/** Whose sessions; everybody's when absent, for those who may see them. */
export type SessionListRequest = PageRequest & { readonly actor?: string };

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly app: string | null;
  readonly channel: string | null;
  readonly status: "active" | "revoked" | "expired";
  readonly created_by: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}
