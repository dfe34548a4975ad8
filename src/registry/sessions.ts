import { randomBytes } from "node:crypto";

import { fromTimestamp, toTimestamp } from "../base/clock.ts";
import { sha256Hex } from "../base/digest.ts";
import { newId } from "../base/ids.ts";
import {
  deleteSession,
  deleteSessionsOfActor,
  insertSession,
  lastSeenOfActor,
  noteSessionSeen,
  noteSessionUse,
  rotateSession,
  sessionById,
  sessionBySecret,
  sessionPage,
} from "../catalog/queries/sessions.ts";
import { tokenById } from "../catalog/queries/tokens.ts";
import type { SessionTable } from "../catalog/tables.ts";
import { mayInStore, requireScope, requireToken } from "./access.ts";
import type { Context } from "./context.ts";
import { authErrors, sessionErrors } from "./errors.ts";
import { keysetOf, pageLimit, pageOf } from "./paging.ts";
import { type Principal, systemPrincipal } from "./principal.ts";
import type { Page } from "./records/pages.ts";
import type { Scope, SessionListRequest, SessionRecord } from "./records/tokens.ts";
import { authenticate, requireLiveToken } from "./tokens.ts";

const HOUR_MS = 3_600_000;
/** A session ends after so long, whatever it is used for. */
const MAX_SESSION_MS = 12 * HOUR_MS;
/** Older secrets are changed: what leaks from a log or a backup does not work for long. */
const ROTATE_AFTER_MS = HOUR_MS;
/** Requests that were under way with the secret before. */
const PREVIOUS_SECRET_MS = 60_000;
/** Use is noted at most this often. */
const LAST_SEEN_INTERVAL_MS = 60_000;
const MAX_USER_AGENT = 200;

type Shared = Omit<Context, "principal">;

/** A session as its pages need it. */
export interface Session {
  readonly id: string;
  /** For proofs that a form came from the session's own pages; the same as long as it lasts. */
  readonly csrfKey: string;
  readonly expiresAt: string;
}

/** What authenticates a session: who it is, and a new secret to keep when it was time for one. */
export interface AuthenticatedSession {
  readonly principal: Principal;
  readonly session: Session;
  readonly newSecret: string | null;
}

/** Somebody who signs in without a token of this store: an identity provider vouches for them. */
export interface Person {
  /** The provider's name for them. */
  readonly subject: string;
  readonly scopes: readonly Scope[];
}

/**
 * Exchanges a token for a session with the token's scopes and limits, that ends with it and after 12 hours at the latest. Answers
 * the session's secret, which is kept nowhere. Raises what `authenticate` raises.
 */
export async function signIn(
  context: Shared,
  tokenSecret: string,
  userAgent: string | null,
): Promise<{ readonly secret: string; readonly session: Session }> {
  const principal = await authenticate(context, tokenSecret);
  return await begin(context, principal, userAgent);
}

/** A session of somebody whom an identity provider vouches for. */
export async function signInPerson(
  context: Shared,
  { subject, scopes }: Person,
  userAgent: string | null,
): Promise<{ readonly secret: string; readonly session: Session }> {
  const principal: Principal = {
    actor: `user:${subject}`,
    actorId: null,
    scopes: new Set(scopes),
    app: null,
    channel: null,
    expiresAt: null,
  };
  return await begin(context, principal, userAgent);
}

async function begin(
  context: Shared,
  { actor, actorId, scopes, app, channel, expiresAt }: Principal,
  userAgent: string | null,
): Promise<{ readonly secret: string; readonly session: Session }> {
  const secret = newSecret();
  const latest = toTimestamp(context.clock.nowMs() + MAX_SESSION_MS);
  return await context.database.write(systemPrincipal, async (tx) => {
    const row: SessionTable = {
      id: newId("ses"),
      secret_hash: hashOf(secret),
      previous_hash: null,
      previous_until: null,
      rotated_at: tx.now,
      csrf_key: randomBytes(32).toString("hex"),
      token_id: actorId,
      actor,
      scopes: JSON.stringify([...scopes]),
      app,
      channel,
      user_agent: userAgent?.slice(0, MAX_USER_AGENT) ?? null,
      created_at: tx.now,
      last_seen_at: tx.now,
      expires_at: expiresAt !== null && expiresAt < latest ? expiresAt : latest,
      seen_seq: null,
      seen_at: null,
    };
    await tx.run(insertSession, row);
    return { secret, session: sessionOf(row) };
  });
}

/**
 * Who a session's secret belongs to. One that is older than an hour is changed for a new one, and works on for a minute. Raises
 * `auth.unknown_session`, and `auth.revoked` or `auth.expired` of the token that the session was made from.
 */
export async function authenticateSession(context: Shared, secret: string): Promise<AuthenticatedSession> {
  const hash = hashOf(secret);
  const nowMs = context.clock.nowMs();
  const now = toTimestamp(nowMs);
  const { row, token } = await context.database.read(async (reader) => {
    const found = await reader.first(sessionBySecret, { hash });
    const tokenId = found?.token_id ?? null;
    return {
      row: found,
      token: tokenId === null ? undefined : await reader.first(tokenById, { id: tokenId }),
    };
  });
  if (row === undefined || row.expires_at <= now) throw unknownSession();
  if (row.secret_hash !== hash && (row.previous_until ?? "") <= now) throw unknownSession();
  const principal = principalOf(row, token?.expires_at ?? null);
  if (token !== undefined) requireLiveToken(token, now);
  const isOld = row.secret_hash === hash && nowMs - fromTimestamp(row.rotated_at) >= ROTATE_AFTER_MS;
  if (!isOld && nowMs - fromTimestamp(row.last_seen_at) >= LAST_SEEN_INTERVAL_MS) {
    await context.database.write(systemPrincipal, (tx) =>
      tx.run(noteSessionUse, { id: row.id, now: tx.now }),
    );
  }
  return { principal, session: sessionOf(row), newSecret: isOld ? await rotate(context, row) : null };
}

/** Raises `auth.unknown_session` when a session has ended. For work that outlives the request that was authenticated. */
export async function requireSession(context: Shared, id: string): Promise<void> {
  const row = await context.database.read((reader) => reader.first(sessionById, { id }));
  if (row === undefined || row.expires_at <= toTimestamp(context.clock.nowMs())) throw unknownSession();
}

/** Null when another request changed it just now: that one's answer has the new secret. */
async function rotate(context: Shared, row: SessionTable): Promise<string | null> {
  const secret = newSecret();
  const changed = await context.database.write(systemPrincipal, async (tx) => {
    const previousUntil = toTimestamp(tx.nowMs + PREVIOUS_SECRET_MS);
    await tx.run(noteSessionUse, { id: row.id, now: tx.now });
    return await tx.run(rotateSession, {
      id: row.id,
      from: row.secret_hash,
      to: hashOf(secret),
      now: tx.now,
      previous_until: previousUntil,
    });
  });
  return changed > 0 ? secret : null;
}

/**
 * Sessions that have not ended, newest first: the caller's own, and everybody's for those who administer the whole store. Raises
 * `auth.missing_scope` for those of another actor.
 */
export async function listSessions(
  context: Context,
  request: SessionListRequest,
): Promise<Page<SessionRecord>> {
  const { principal } = context;
  requireToken(principal);
  const actor = mayInStore(principal, "admin") ? request.actor : principal.actor;
  if (request.actor !== undefined && request.actor !== actor) requireScope(principal, "admin", { app: null });
  const now = toTimestamp(context.clock.nowMs());
  const rows = await context.database.read((reader) =>
    reader.fetch(sessionPage(keysetOf(request), { actor, now })),
  );
  return pageOf(rows, pageLimit(request), recordOf, (row) => [row.created_at, row.id]);
}

/** Ends a session at once: the caller's own, or anybody's for those who administer the whole store. Raises `session.not_found`. */
export async function endSession(context: Context, id: string): Promise<SessionRecord> {
  const { principal } = context;
  requireToken(principal);
  return await context.database.write(systemPrincipal, async (tx) => {
    const row = await tx.first(sessionById, { id });
    if (row === undefined || (row.actor !== principal.actor && !mayInStore(principal, "admin"))) {
      throw sessionErrors.error("session.not_found", `There is no session ${id}.`, {
        details: { session: id },
      });
    }
    await tx.run(deleteSession, { id });
    return recordOf(row);
  });
}

function recordOf(row: SessionTable): SessionRecord {
  return {
    id: row.id,
    actor: row.actor,
    token_id: row.token_id,
    scopes: JSON.parse(row.scopes) as Scope[],
    app: row.app,
    channel: row.channel,
    user_agent: row.user_agent,
    created_at: row.created_at,
    last_seen_at: row.last_seen_at,
    expires_at: row.expires_at,
  };
}

/** Ends all of the principal's sessions. */
export async function endAllSessions(context: Shared, { actor }: Principal): Promise<void> {
  await context.database.write(systemPrincipal, (tx) => tx.run(deleteSessionsOfActor, { actor }));
}

/** Where in the log somebody looked last, in any session; null for never. */
export interface LastLook {
  readonly seq: number;
  readonly at: string;
}

/** Answers where the principal looked last, and notes that it is `seq` now. */
export async function noteLook(
  context: Shared,
  { actor }: Principal,
  id: string,
  seq: number,
): Promise<LastLook | null> {
  const last = await context.database.read((reader) => reader.first(lastSeenOfActor, { actor }));
  // Somebody who looks again at the same is not worth a write.
  if (last?.seen_seq !== seq) {
    await context.database.write(systemPrincipal, (tx) => tx.run(noteSessionSeen, { id, seq, at: tx.now }));
  }
  return last === undefined ? null : { seq: last.seen_seq!, at: last.seen_at! };
}

/** Its end is the token's: what somebody makes in a session lasts no longer than what they could make without. */
function principalOf(row: SessionTable, expiresAt: string | null): Principal {
  return {
    actor: row.actor,
    actorId: row.token_id,
    scopes: new Set(JSON.parse(row.scopes) as Scope[]),
    app: row.app,
    channel: row.channel,
    expiresAt,
  };
}

function sessionOf({ id, csrf_key: csrfKey, expires_at: expiresAt }: SessionTable): Session {
  return { id, csrfKey, expiresAt };
}

function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** The stored form of a secret. 256 random bits need no salt and no slow hash. */
function hashOf(secret: string): string {
  return sha256Hex(Buffer.from(secret));
}

function unknownSession() {
  return authErrors.error("auth.unknown_session", "The session has ended.", { hint: "Sign in again." });
}
