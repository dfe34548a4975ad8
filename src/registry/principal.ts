import type { Scope } from "./records/tokens.ts";

/** Who is asking, and what they may do. Made by `localPrincipal`, or by a store from a token. */
export interface Principal {
  /** `local:USER`, `token:NAME`, `user:SUBJECT`, `share:ID`, `link`, `system`, `anonymous`. */
  readonly actor: string;
  /** The token's id, where there is one. */
  readonly actorId: string | null;
  readonly scopes: ReadonlySet<Scope>;
  /** Limits by app slug and channel name; null for none. */
  readonly app: string | null;
  readonly channel: string | null;
  /** When the credential behind it ends; null for never. */
  readonly expiresAt: string | null;
  /** What a share link opens: the app's page and what is current there, or one channel's. */
  readonly share?: { readonly app: string; readonly channel: string | null };
  /** What a signed address opens: the bytes of this artifact, and nothing else. */
  readonly link?: { readonly artifact: string };
}

/** The person who runs the command on the store's own machine: every scope, no limit. */
export function localPrincipal(user: string): Principal {
  return {
    actor: `local:${user}`,
    actorId: null,
    scopes: new Set(["admin"]),
    app: null,
    channel: null,
    expiresAt: null,
  };
}

/** The product itself: what it does without being asked by anybody. */
export const systemPrincipal: Principal = {
  actor: "system",
  actorId: null,
  scopes: new Set(["admin"]),
  app: null,
  channel: null,
  expiresAt: null,
};

/** Somebody who shows no credential. */
export const anonymousPrincipal: Principal = {
  actor: "anonymous",
  actorId: null,
  scopes: new Set(),
  app: null,
  channel: null,
  expiresAt: null,
};
