import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Scope, TokenRequest } from "../../src/registry/records/tokens.ts";
import {
  actionsOf,
  eventsDuring,
  eventsOf,
  openTestStore,
  outcomeOf,
  type TestStore,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const create = (changes: Partial<TokenRequest> = {}) =>
  test.registry.createToken({ name: "ci", scopes: ["publish"], ...changes });

describe("a token", () => {
  it("is answered once with its secret, and has the documented fields", async () => {
    const { secret, ...token } = await create({
      scopes: ["promote", "publish", "promote"],
      app: "acme",
      channel: "beta",
      expires_in: "30d",
    });
    expect(secret).toMatch(/^dist_[0-9a-f]{64}$/);
    expect(token).toStrictEqual({
      id: expect.stringMatching(/^tok_/),
      name: "ci",
      scopes: ["publish", "promote"],
      app: "acme",
      channel: "beta",
      status: "active",
      created_by: "local:tester",
      created_at: "2026-11-20T15:00:00.000Z",
      expires_at: "2026-12-20T15:00:00.000Z",
      last_used_at: null,
      revoked_at: null,
    });
    expect((await test.registry.listTokens()).items).toStrictEqual([token]);
  });

  it("leaves its secret nowhere: not in the store's files, not in an export, not in audit or list", async () => {
    const { secret, id } = await create();
    const shown = [JSON.stringify(await test.registry.listTokens())];
    shown.push(JSON.stringify(await eventsOf(test.registry)));
    for await (const piece of test.registry.exportStore()) shown.push(piece);
    for (const name of await readdir(test.directory))
      if (name.startsWith("dist.db")) shown.push(await readFile(join(test.directory, name), "latin1"));
    const all = shown.join("\n");
    expect(all).toContain(id);
    expect(all).not.toContain(secret.slice("dist_".length));
    // A reader of the audit log or the list gets no hash to try secrets on either.
    expect(shown.slice(0, 2).join()).not.toMatch(/hash|[0-9a-f]{64}/);
  });

  it("makes two secrets never the same", async () => {
    expect((await create()).secret).not.toBe((await create({ name: "two" })).secret);
  });

  it.each([
    ["no name", { name: "" }, "token.invalid_name"],
    ["a blank name", { name: "  " }, "token.invalid_name"],
    ["a name of 101 characters", { name: "x".repeat(101) }, "token.invalid_name"],
    ["a name with a control character", { name: "a\nb" }, "token.invalid_name"],
    ["a name that turns text around", { name: "a\u202eb" }, "token.invalid_name"],
    ["a name with a lone surrogate", { name: "\ud800" }, "token.invalid_name"],
    ["no scope", { scopes: [] }, "token.invalid_scope"],
    ["an unknown scope", { scopes: ["write"] }, "token.invalid_scope"],
    ["a scope from the prototype", { scopes: ["constructor"] }, "token.invalid_scope"],
    ["an app that cannot be", { app: "A" }, "app.invalid_slug"],
    ["a channel that cannot be", { channel: "A" }, "channel.invalid_name"],
    ["no life", { expires_in: "0s" }, "duration.invalid"],
    ["a life of unknown length", { expires_in: "soon" }, "duration.invalid"],
  ] as const)("with %s is refused", async (_, changes, code) => {
    expect(await outcomeOf(create(changes))).toBe(code);
    expect((await test.registry.listTokens()).items).toEqual([]);
  });

  it("has a name of its own among live tokens", async () => {
    const { id } = await create({ expires_in: "1d" });
    await expect(create()).rejects.toMatchObject({
      code: "transaction.integrity",
      details: { rule: "token.name_taken", name: "ci" },
    });
    await expect(create({ name: " ci " })).rejects.toMatchObject({ code: "transaction.integrity" });
    await test.registry.revokeToken(id);
    await create({ expires_in: "1d" });
    test.clock.advance(24 * 3600 * 1000);
    await create();
    const { items } = await test.registry.listTokens();
    expect(items.map(({ status }) => status)).toEqual(["active", "expired", "revoked"]);
  });
});

describe("revoking", () => {
  it("is final and recorded once", async () => {
    const { id, secret } = await create();
    test.clock.advance(1000);
    const events = await eventsDuring(test.registry, async () => {
      expect(await test.registry.revokeToken(id)).toMatchObject({
        status: "revoked",
        revoked_at: "2026-11-20T15:00:01.000Z",
      });
      expect(await outcomeOf(test.registry.revokeToken(id))).toBe("token.already_revoked");
    });
    expect(actionsOf(events)).toEqual(["token.revoked"]);
    expect(await outcomeOf(test.store.authenticate(secret))).toBe("auth.revoked");
  });

  it("knows no other tokens than there are", async () => {
    expect(await outcomeOf(test.registry.revokeToken("tok_01h455vb4pex5vsknk084sn02q"))).toBe(
      "token.not_found",
    );
    expect(await outcomeOf(test.registry.revokeToken("ci"))).toBe("token.not_found");
  });
});

describe("authentication", () => {
  it("answers the token's own scopes and limits", async () => {
    const { id, secret } = await create({ app: "acme", channel: "beta", expires_in: "1h" });
    expect(await test.store.authenticate(secret)).toEqual({
      actor: "token:ci",
      actorId: id,
      scopes: new Set<Scope>(["publish"]),
      app: "acme",
      channel: "beta",
      expiresAt: "2026-11-20T16:00:00.000Z",
    });
  });

  it.each([
    ["", "auth.malformed_token"],
    ["dist_", "auth.malformed_token"],
    [`dist_${"a".repeat(63)}`, "auth.malformed_token"],
    [`dist_${"A".repeat(64)}`, "auth.malformed_token"],
    [`dist_${"a".repeat(64)}\n`, "auth.malformed_token"],
    [` dist_${"a".repeat(64)}`, "auth.malformed_token"],
    [`dist_${"a".repeat(64)}`, "auth.unknown_token"],
  ])("refuses %j", async (secret, code) => {
    await expect(test.store.authenticate(secret)).rejects.toMatchObject({ code, kind: "unauthenticated" });
  });

  it("ends with the token's life, to the millisecond", async () => {
    const { secret } = await create({ expires_in: "1h" });
    test.clock.advance(3600 * 1000 - 1);
    expect(await outcomeOf(test.store.authenticate(secret))).toBe("ok");
    test.clock.advance(1);
    await expect(test.store.authenticate(secret)).rejects.toMatchObject({
      code: "auth.expired",
      kind: "denied",
    });
    expect((await test.registry.listTokens()).items[0]!.status).toBe("expired");
  });

  it("says revoked of a token that is both revoked and expired", async () => {
    const { id, secret } = await create({ expires_in: "1s" });
    await test.registry.revokeToken(id);
    test.clock.advance(5000);
    expect(await outcomeOf(test.store.authenticate(secret))).toBe("auth.revoked");
  });

  it("records the first use once, also for two uses at once, and later use as state once a minute", async () => {
    const { id, secret } = await create();
    const lastUse = async () => (await test.registry.listTokens()).items[0]!.last_used_at;
    test.clock.advance(1000);
    const events = await eventsDuring(test.registry, async () => {
      await Promise.all([test.store.authenticate(secret), test.store.authenticate(secret)]);
      expect(await lastUse()).toBe("2026-11-20T15:00:01.000Z");
      test.clock.advance(59_999);
      await test.store.authenticate(secret);
      expect(await lastUse()).toBe("2026-11-20T15:00:01.000Z");
      test.clock.advance(1);
      await test.store.authenticate(secret);
      expect(await lastUse()).toBe("2026-11-20T15:01:01.000Z");
    });
    expect(events).toMatchObject([
      { action: "token.used", actor: "token:ci", actor_id: id, target_type: "token", target_id: id },
    ]);
  });
});

describe("nobody creates a token that exceeds their own", () => {
  const by = (
    scopes: readonly Scope[],
    limits: Parameters<TestStore["as"]>[1],
    asked: Partial<TokenRequest>,
  ) => outcomeOf(test.as(scopes, limits).createToken({ name: "child", scopes: ["token"], ...asked }));

  it.each([
    ["a scope it lacks", ["token"], {}, { scopes: ["read"] }, "token.exceeds_own"],
    ["admin", ["token", "publish"], {}, { scopes: ["admin"] }, "token.exceeds_own"],
    ["a scope its own implies", ["token", "publish"], {}, { scopes: ["read"] }, "ok"],
    ["anything as admin", ["admin"], {}, { scopes: ["admin", "retention"] }, "ok"],
    ["no app limit", ["token"], { app: "acme" }, {}, "auth.wrong_app"],
    ["another app", ["token"], { app: "acme" }, { app: "other" }, "auth.wrong_app"],
    ["its own app", ["token"], { app: "acme" }, { app: "acme" }, "ok"],
    ["no channel limit", ["token"], { channel: "beta" }, {}, "auth.wrong_channel"],
    [
      "its channel everywhere",
      ["token"],
      { app: "acme", channel: "beta" },
      { channel: "beta" },
      "auth.wrong_app",
    ],
    ["its own channel", ["token"], { channel: "beta" }, { channel: "beta", app: "acme" }, "ok"],
  ] as const)("asking for %s", async (_, scopes, limits, asked, outcome) => {
    expect(await by(scopes, limits, asked)).toBe(outcome);
  });

  it("or outlives it", async () => {
    const limits = { expiresAt: "2026-11-20T16:00:00.000Z" };
    expect(await by(["token"], limits, {})).toBe("token.exceeds_own");
    expect(await by(["token"], limits, { expires_in: "3601s" })).toBe("token.exceeds_own");
    expect(await by(["token"], limits, { expires_in: "1h" })).toBe("ok");
  });

  it("or sees those of another app", async () => {
    const { id } = await create({ app: "other" });
    await create({ name: "mine", app: "acme" });
    await create({ name: "everywhere" });
    const limited = test.as(["token"], { app: "acme" });
    expect((await limited.listTokens()).items.map(({ name }) => name)).toEqual(["mine"]);
    expect(await outcomeOf(limited.revokeToken(id))).toBe("token.not_found");
  });

  it("pages newest first", async () => {
    for (const name of ["a", "b", "c"]) await create({ name });
    const first = await test.registry.listTokens({ limit: 2 });
    const second = await test.registry.listTokens({ limit: 2, after: first.next! });
    expect([...first.items, ...second.items].map(({ name }) => name)).toEqual(["c", "b", "a"]);
    expect(second.next).toBeNull();
  });
});

describe("the first administrator token", () => {
  it("is made once, whoever asks at the same time, and works", async () => {
    const asked = [test.store.createFirstAdministrator(), test.store.createFirstAdministrator()];
    const secrets = (await Promise.all(asked)).filter((secret) => secret !== null);
    expect(secrets).toHaveLength(1);
    const administrator = test.store.as(await test.store.authenticate(secrets[0]!));
    const { items } = await administrator.listTokens();
    expect(items.map(({ name, created_by }) => `${name} by ${created_by}`)).toEqual([
      "first-administrator by system",
    ]);
    await administrator.revokeToken(items[0]!.id);
    expect(await test.store.createFirstAdministrator()).toBeNull();
  });

  it("is not made where an administrator has one", async () => {
    await test.registry.createToken({ name: "root", scopes: ["read", "admin"] });
    expect(await test.store.createFirstAdministrator()).toBeNull();
  });

  it("is made where tokens are limited or lesser", async () => {
    await test.registry.createToken({ name: "one", scopes: ["admin"], app: "acme" });
    await test.registry.createToken({ name: "two", scopes: ["publish"] });
    expect(await test.store.createFirstAdministrator()).toMatch(/^dist_[0-9a-f]{64}$/);
  });
});
