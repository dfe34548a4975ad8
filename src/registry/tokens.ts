import { randomBytes } from "node:crypto";

import { fromTimestamp, toTimestamp } from "../base/clock.ts";
import { sha256Hex } from "../base/digest.ts";
import { addDuration, parseDuration } from "../base/duration.ts";
import { newId } from "../base/ids.ts";
import { nearest } from "../base/text.ts";
import type { Reader, Transaction } from "../catalog/database.ts";
import {
  anyAdministrator,
  liveTokenByName,
  putTokenUse,
  tokenByHash,
  tokenById,
  tokenPage,
  tokenUse,
} from "../catalog/queries/tokens.ts";
import type { TokenTable } from "../catalog/tables.ts";
import type { EventData } from "../log/events.ts";
import { hasScope, requireScope } from "./access.ts";
import type { Context } from "./context.ts";
import { authErrors, releaseErrors, tokenErrors } from "./errors.ts";
import { once } from "./idempotency.ts";
import { keysetOf, pageLimit, pageOf } from "./paging.ts";
import type { Principal } from "./principal.ts";
import type { Page, PageRequest } from "./records/pages.ts";
import { type Scope, scopes, type TokenRecord, type TokenRequest } from "./records/tokens.ts";
import { checkChannelName, checkSlug } from "./rules.ts";

/** After the first, a token's use is noted at most this often: a busy token must not write on every request. */
const LAST_USE_INTERVAL_MS = 60_000;
const MAX_NAME_LENGTH = 100;
const FIRST_ADMINISTRATOR = "first-administrator";

export async function createToken(
  context: Context,
  request: TokenRequest,
): Promise<TokenRecord & { secret: string }> {
  const { principal } = context;
  const app = request.app === undefined || request.app === null ? null : checkSlug(request.app);
  const channel =
    request.channel === undefined || request.channel === null ? null : checkChannelName(request.channel);
  requireScope(principal, "token", { app, channel });
  const name = checkName(request.name);
  const granted = checkScopes(principal, request.scopes);
  const period =
    request.expires_in === undefined || request.expires_in === null
      ? null
      : parseDuration(request.expires_in);
  return once(context, async (tx) => {
    if ((await tx.first(liveTokenByName, { name, now: tx.now })) !== undefined) {
      throw releaseErrors.error("transaction.integrity", `A live token is called ${name} already.`, {
        details: { rule: "token.name_taken", name },
        hint: "Revoke that one, or choose another name.",
      });
    }
    const expiresAt = period === null ? null : toTimestamp(addDuration(tx.nowMs, period));
    checkExpiry(principal, expiresAt);
    const { id, secret } = await recordToken(tx, {
      name,
      scopes: granted,
      app,
      channel,
      expires_at: expiresAt,
    });
    return { ...(await tokenRecord(tx, (await tx.first(tokenById, { id }))!, tx.now)), secret };
  });
}

/**
 * Makes the store's first administrator token, once and for all: null when the store ever had one, revoked or not. Two
 * servers that start at once make one between them. The secret is answered here and nowhere else.
 */
export async function createFirstAdministrator(context: Context): Promise<string | null> {
  return context.database.write(context.principal, async (tx) => {
    if ((await tx.first(anyAdministrator, {})) !== undefined) return null;
    const { secret } = await recordToken(tx, {
      name: FIRST_ADMINISTRATOR,
      scopes: ["admin"],
      app: null,
      channel: null,
      expires_at: null,
    });
    return secret;
  });
}

/** Records a new token; its secret exists in the answer only. */
async function recordToken(
  tx: Transaction,
  token: Omit<EventData["v1.token.created"], "token_id" | "token_hash">,
): Promise<{ id: string; secret: string }> {
  const secret = `dist_${randomBytes(32).toString("hex")}`;
  const id = newId("tok");
  const data = { token_id: id, token_hash: hashOf(secret), ...token };
  await tx.record({ type: "v1.token.created", subject: id, data });
  return { id, secret };
}

export async function listTokens(context: Context, page: PageRequest): Promise<Page<TokenRecord>> {
  const { principal } = context;
  requireScope(principal, "token", { app: principal.app, channel: principal.channel });
  const now = toTimestamp(context.clock.nowMs());
  return context.database.read(async (reader) => {
    const rows = await reader.fetch(tokenPage(keysetOf(page), { app: principal.app }));
    const records = new Map<string, TokenRecord>();
    for (const row of rows) records.set(row.id, await tokenRecord(reader, row, now));
    return pageOf(
      rows,
      pageLimit(page),
      (row) => records.get(row.id)!,
      (row) => [row.created_at, row.id],
    );
  });
}

export async function revokeToken(context: Context, id: string): Promise<TokenRecord> {
  const { principal } = context;
  requireScope(principal, "token", { app: principal.app, channel: principal.channel });
  return context.database.write(principal, async (tx) => {
    const token = await tx.first(tokenById, { id });
    if (token === undefined || (principal.app !== null && token.app !== principal.app)) {
      throw tokenErrors.error("token.not_found", `There is no token ${id}.`, { details: { token: id } });
    }
    requireScope(principal, "token", { app: token.app, channel: token.channel });
    if (token.revoked_at !== null) {
      throw tokenErrors.error("token.already_revoked", `The token was revoked on ${token.revoked_at}.`, {
        details: { token: id, revoked_at: token.revoked_at },
      });
    }
    await tx.record({ type: "v1.token.revoked", subject: id, data: { token_id: id } });
    return tokenRecord(tx, (await tx.first(tokenById, { id }))!, tx.now);
  });
}

/**
 * The principal behind a secret. Its first use is an event; later uses are noted at a bounded rate.
 * Raises `auth.malformed_token`, `auth.unknown_token`, `auth.revoked`, `auth.expired`.
 */
export async function authenticate(context: Omit<Context, "principal">, secret: string): Promise<Principal> {
  if (!/^dist_[0-9a-f]{64}$/.test(secret)) {
    throw authErrors.error("auth.malformed_token", "The token is not `dist_` and 64 hex characters.");
  }
  const now = context.clock.nowMs();
  const { token, lastUsedAt } = await context.database.read(async (reader) => {
    const found = await reader.first(tokenByHash, { token_hash: hashOf(secret) });
    const use = found === undefined ? undefined : await reader.first(tokenUse, { token_id: found.id });
    return { token: found, lastUsedAt: use?.last_used_at ?? found?.first_used_at ?? null };
  });
  if (token === undefined) throw authErrors.error("auth.unknown_token", "No such token was ever made here.");
  requireLiveToken(token, toTimestamp(now));
  const principal = principalOf(token);
  if (lastUsedAt === null || now - fromTimestamp(lastUsedAt) >= LAST_USE_INTERVAL_MS) {
    await noteUse(context, principal, token.id);
  }
  return principal;
}

/** Raises `auth.revoked`, `auth.expired` for a token that does not work any more at `now`. */
export function requireLiveToken(token: Pick<TokenTable, "revoked_at" | "expires_at">, now: string): void {
  if (token.revoked_at !== null) throw authErrors.error("auth.revoked", "The token was revoked.");
  if (token.expires_at === null || token.expires_at > now) return;
  throw authErrors.error("auth.expired", "The token has expired.", {
    details: { expires_at: token.expires_at },
  });
}

async function noteUse(
  context: Omit<Context, "principal">,
  principal: Principal,
  tokenId: string,
): Promise<void> {
  await context.database.write(principal, async (tx) => {
    const token = await tx.first(tokenById, { id: tokenId });
    if (token!.first_used_at === null) {
      await tx.record({ type: "v1.token.used", subject: tokenId, data: { token_id: tokenId } });
    }
    await tx.run(putTokenUse, { token_id: tokenId, last_used_at: tx.now });
  });
}

function principalOf(token: TokenTable): Principal {
  return {
    actor: `token:${token.name}`,
    actorId: token.id,
    scopes: new Set(JSON.parse(token.scopes) as Scope[]),
    app: token.app,
    channel: token.channel,
    expiresAt: token.expires_at,
  };
}

/** What a token is at `now`. */
export function tokenStatus(
  { revoked_at: revokedAt, expires_at: expiresAt }: Pick<TokenTable, "revoked_at" | "expires_at">,
  now: string,
): TokenRecord["status"] {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && expiresAt <= now ? "expired" : "active";
}

async function tokenRecord(reader: Reader, token: TokenTable, now: string): Promise<TokenRecord> {
  const use = await reader.first(tokenUse, { token_id: token.id });
  return {
    id: token.id,
    name: token.name,
    scopes: JSON.parse(token.scopes) as Scope[],
    app: token.app,
    channel: token.channel,
    status: tokenStatus(token, now),
    created_by: token.created_by,
    created_at: token.created_at,
    expires_at: token.expires_at,
    last_used_at: use?.last_used_at ?? token.first_used_at,
    revoked_at: token.revoked_at,
  };
}

/** The stored form of a secret. 256 random bits need no salt and no slow hash. */
function hashOf(secret: string): string {
  return sha256Hex(Buffer.from(secret));
}

function checkName(name: string): string {
  const trimmed = name.trim();
  if (
    trimmed.length > 0 &&
    trimmed.length <= MAX_NAME_LENGTH &&
    trimmed.isWellFormed() &&
    !/\p{C}/u.test(trimmed)
  ) {
    return trimmed;
  }
  throw tokenErrors.error(
    "token.invalid_name",
    `A token's name is 1 to ${MAX_NAME_LENGTH} printable characters.`,
    {
      details: { name },
    },
  );
}

function checkScopes(principal: Principal, asked: readonly string[]): Scope[] {
  if (asked.length === 0) throw tokenErrors.error("token.invalid_scope", "A token needs at least one scope.");
  for (const scope of asked) {
    if (!(scopes as readonly string[]).includes(scope)) {
      const guess = nearest(scope, scopes);
      throw tokenErrors.error("token.invalid_scope", `There is no scope ${JSON.stringify(scope)}.`, {
        details: { scope, scopes },
        ...(guess === undefined ? {} : { hint: `Did you mean ${guess}?` }),
      });
    }
    if (!hasScope(principal, scope as Scope)) throw exceeds(`the scope ${scope}`);
  }
  const chosen = new Set(asked);
  return scopes.filter((scope) => chosen.has(scope));
}

function checkExpiry(principal: Principal, expiresAt: string | null): void {
  const { expiresAt: own } = principal;
  if (own !== null && (expiresAt === null || expiresAt > own)) throw exceeds(`a life beyond ${own}`);
}

function exceeds(what: string) {
  return tokenErrors.error("token.exceeds_own", `Your own token does not have ${what}.`, {
    details: { what },
  });
}
