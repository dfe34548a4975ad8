import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openTestStore, outcomeOf, type TestStore } from "../support/test-store.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let test: TestStore;
let token: { id: string; secret: string };
beforeEach(async () => {
  test = await openTestStore();
  token = await test.registry.createToken({ name: "me", scopes: ["promote"], app: "acme", channel: "beta" });
});
afterEach(() => test.close());

const signIn = () => test.store.signIn(token.secret, "Browser 1.0");
const outcome = (secret: string) => outcomeOf(test.store.authenticateSession(secret));

describe("a session", () => {
  it("is its token: the same name, scopes and limits", async () => {
    const { secret, session } = await signIn();
    const { principal, newSecret } = await test.store.authenticateSession(secret);
    const byToken = await test.store.authenticate(token.secret);
    expect(principal).toEqual(byToken);
    expect(newSecret).toBeNull();
    expect(session.expiresAt).toBe(new Date(test.clock.nowMs() + 12 * HOUR_MS).toISOString());
  });

  it("of a token that is not good is refused as the token is", async () => {
    await test.registry.revokeToken(token.id);
    expect(await outcomeOf(signIn())).toBe("auth.revoked");
    expect(await outcomeOf(test.store.signIn("dist_x", null))).toBe("auth.malformed_token");
  });

  it("ends with its token, at once", async () => {
    const { secret } = await signIn();
    await test.registry.revokeToken(token.id);
    expect(await outcome(secret)).toBe("auth.revoked");
  });

  it("ends after twelve hours, or when its token ends", async () => {
    const { secret } = await signIn();
    const short = await test.registry.createToken({ name: "short", scopes: ["read"], expires_in: "2h" });
    const other = await test.store.signIn(short.secret, null);
    test.clock.advance(2 * HOUR_MS);
    expect(await outcome(other.secret)).toBe("auth.unknown_session");
    test.clock.advance(10 * HOUR_MS);
    expect(await outcome(secret)).toBe("auth.unknown_session");
  });

  it("is asked for again by what outlives a request", async () => {
    const { session } = await signIn();
    await test.store.requireSession(session.id);
    await test.registry.endSession(session.id);
    expect(await outcomeOf(test.store.requireSession(session.id))).toBe("auth.unknown_session");
  });

  it("that nobody made is unknown", async () => {
    for (const secret of ["", "x", "A".repeat(43)])
      expect(await outcome(secret)).toBe("auth.unknown_session");
  });

  it("gets another secret after an hour; the old one works for a minute more", async () => {
    const { secret } = await signIn();
    test.clock.advance(HOUR_MS);
    const { newSecret, session } = await test.store.authenticateSession(secret);
    expect(newSecret).toMatch(/^[\w-]{43}$/);
    expect((await test.store.authenticateSession(secret)).newSecret).toBeNull();
    const again = await test.store.authenticateSession(newSecret!);
    expect([again.session, again.newSecret]).toEqual([session, null]);
    test.clock.advance(MINUTE_MS);
    expect(await outcome(secret)).toBe("auth.unknown_session");
    expect(await outcome(newSecret!)).not.toBe("auth.unknown_session");
  });

  it("that two requests renew at once gets one new secret", async () => {
    const { secret } = await signIn();
    test.clock.advance(HOUR_MS);
    const both = await Promise.all([1, 2, 3].map(() => test.store.authenticateSession(secret)));
    expect(both.filter(({ newSecret }) => newSecret !== null)).toHaveLength(1);
  });

  it("is listed for whom it is, and ended by them alone", async () => {
    const first = await signIn();
    test.clock.advance(MINUTE_MS);
    const second = await signIn();
    const { principal } = await test.store.authenticateSession(first.secret);
    const own = test.store.as(principal);
    const { items, next } = await own.listSessions();
    expect(items.map(({ id }) => id)).toEqual([second.session.id, first.session.id]);
    expect(next).toBeNull();
    expect(items[1]).toEqual({
      id: first.session.id,
      actor: "token:me",
      token_id: token.id,
      scopes: ["promote"],
      app: "acme",
      channel: "beta",
      user_agent: "Browser 1.0",
      created_at: "2026-11-20T15:00:00.000Z",
      last_seen_at: items[1]!.last_seen_at,
      expires_at: "2026-11-21T03:00:00.000Z",
    });
    expect(JSON.stringify(items)).not.toContain(first.secret);
    const stranger = test.as(["read"]);
    expect((await stranger.listSessions()).items).toEqual([]);
    expect(await outcomeOf(stranger.listSessions({ actor: "token:me" }))).toBe("auth.missing_scope");
    expect(await outcomeOf(stranger.endSession(first.session.id))).toBe("session.not_found");
    expect(await outcome(first.secret)).not.toBe("auth.unknown_session");
    expect((await own.endSession(first.session.id)).id).toBe(first.session.id);
    expect(await outcome(first.secret)).toBe("auth.unknown_session");
    expect(await outcomeOf(own.endSession(first.session.id))).toBe("session.not_found");
    await test.store.endAllSessions(principal);
    expect(await outcome(second.secret)).toBe("auth.unknown_session");
  });

  it("is listed for administrators of the whole store, page by page, and ended by them", async () => {
    const { secret, session } = await signIn();
    test.clock.advance(MINUTE_MS);
    const ann = await test.store.signInPerson({ subject: "ann", scopes: ["read"] }, null);
    const list = async (request = {}) =>
      (await test.registry.listSessions(request)).items.map(({ actor }) => actor);
    expect(await list()).toEqual(["user:ann", "token:me"]);
    expect(await list({ actor: "token:me" })).toEqual(["token:me"]);
    const { next } = await test.registry.listSessions({ limit: 1 });
    expect(await list({ limit: 1, after: next! })).toEqual(["token:me"]);
    const limited = test.as(["admin"], { app: "acme" });
    expect((await limited.listSessions()).items).toEqual([]);
    expect(await outcomeOf(limited.endSession(session.id))).toBe("session.not_found");
    await test.registry.endSession(session.id);
    expect(await outcome(secret)).toBe("auth.unknown_session");
    test.clock.advance(12 * HOUR_MS);
    expect(await list()).toEqual([]);
    expect(await outcome(ann.secret)).toBe("auth.unknown_session");
  });

  it("remembers where its owner looked last, in any of theirs", async () => {
    const first = await signIn();
    const { principal } = await test.store.authenticateSession(first.secret);
    expect(await test.store.noteLook(principal, first.session.id, 7)).toBeNull();
    const second = await signIn();
    test.clock.advance(MINUTE_MS);
    expect(await test.store.noteLook(principal, second.session.id, 9)).toMatchObject({ seq: 7 });
    expect(await test.store.noteLook(principal, first.session.id, 12)).toMatchObject({ seq: 9 });
  });

  it("of a person has the scopes that were given for them", async () => {
    const { secret } = await test.store.signInPerson({ subject: "maya", scopes: ["read", "audit"] }, null);
    const { principal } = await test.store.authenticateSession(secret);
    expect(principal).toMatchObject({ actor: "user:maya", actorId: null, app: null, channel: null });
    expect([...principal.scopes]).toEqual(["read", "audit"]);
  });

  it("leaves no row behind when its time is over", async () => {
    const { secret } = await signIn();
    test.clock.advance(13 * HOUR_MS);
    expect(await test.store.dropExpiredState()).toBe(1);
    expect(await outcome(secret)).toBe("auth.unknown_session");
  });
});
