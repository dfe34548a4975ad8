import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { localPrincipal } from "../../src/registry/principal.ts";
import {
  eventsOf,
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  tarGzBytes,
  type TestStore,
} from "../support/test-store.ts";

const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

/** The store as somebody whose request carries this key. */
const keyed = (key: string, body = "body", user = "tester") =>
  test.store.as(localPrincipal(user), { idempotency: { route: "POST /x", key, bodySha256: body } });

const eventCount = async () => (await eventsOf(test.registry)).length;

describe("a request that is sent twice under one key", () => {
  it("publishes one release, and gets the same answer", async () => {
    const { sha256 } = await test.registry.uploadObject(sourceOf(tarGzBytes("1")));
    const artifact = { platform: "linux", filename: "acme.tar.gz", sha256 } as const;
    const request = { app: "acme", version: "1", channel: "beta", artifacts: [artifact] };
    const first = await keyed("k").publish(request);
    const events = await eventCount();
    expect(await keyed("k").publish(request)).toEqual(first);
    expect(await eventCount()).toBe(events);
    expect(await outcomeOf(test.registry.publish(request))).toBe("transaction.integrity");
  });

  it("rolls back one step, not two", async () => {
    for (const version of ["1", "2", "3"]) await publishTar(test.registry, { version, channel: "beta" });
    const first = await keyed("k").rollback("acme", "beta");
    expect(first.current_version).toBe("2");
    expect(await keyed("k").rollback("acme", "beta")).toEqual(first);
    expect((await test.registry.getChannel("acme", "beta")).current_version).toBe("2");
  });

  it("makes one token, whose secret is answered once and kept nowhere", async () => {
    const request = { name: "ci", scopes: ["read"] };
    const { secret, ...rest } = await keyed("k").createToken(request);
    expect(secret).toMatch(/^dist_/);
    expect(await keyed("k").createToken(request)).toEqual(rest);
  });

  it("is another request when the body differs, somebody else sends it, or a day has passed", async () => {
    await keyed("k").createApp("acme", {});
    expect(await outcomeOf(keyed("k", "other").createApp("acme", {}))).toBe("request.idempotency_mismatch");
    expect(await outcomeOf(keyed("k", "body", "eve").createApp("acme", {}))).toBe("transaction.integrity");
    test.clock.advance(DAY_MS);
    expect(await outcomeOf(keyed("k").createApp("acme", {}))).toBe("transaction.integrity");
  });

  it("that was refused is tried anew", async () => {
    expect(await outcomeOf(keyed("k").rollback("acme", "beta"))).toBe("app.not_found");
    await publishTar(test.registry, { version: "1", channel: "beta" });
    await publishTar(test.registry, { version: "2", channel: "beta" });
    expect((await keyed("k").rollback("acme", "beta")).current_version).toBe("1");
  });
});
