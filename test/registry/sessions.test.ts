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
    const { secret, session } = await signIn();
    const { principal } = await test.store.authenticateSession(secret);
    await test.store.requireSession(session.id);
    await test.store.endSession(principal, session.id);
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
    const second = await signIn();
    const { principal } = await test.store.authenticateSession(first.secret);
    const stranger = { ...principal, actor: "token:other" };
    expect((await test.store.listSessions(principal)).map(({ id }) => id).toSorted()).toEqual(
      [first.session.id, second.session.id].toSorted(),
    );
    expect(await test.store.listSessions(principal)).toMatchObject([
      { user_agent: "Browser 1.0" },
      { user_agent: "Browser 1.0" },
    ]);
    expect(await test.store.listSessions(stranger)).toEqual([]);
    await test.store.endSession(stranger, first.session.id);
    expect(await outcome(first.secret)).not.toBe("auth.unknown_session");
    await test.store.endSession(principal, first.session.id);
    expect(await outcome(first.secret)).toBe("auth.unknown_session");
    await test.store.endAllSessions(principal);
    expect(await outcome(second.secret)).toBe("auth.unknown_session");
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
