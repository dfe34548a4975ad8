import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { localPrincipal } from "../../src/registry/principal.ts";
import {
  eventsDuring,
  leasedDigests,
  openTestStore,
  sqlOn,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const createApp = (slug: string) =>
  test.store
    .as(localPrincipal("tester"), { idempotency: { route: "POST /x", key: slug, bodySha256: slug } })
    .createApp(slug, {});

const answers = () => sqlOn(test, "SELECT id FROM idempotency_key").length;

describe("dropExpiredState", () => {
  it("drops the leases and answers whose time is over, and records nothing", async () => {
    await createApp("old");
    await uploadTar(test.registry, "old");
    test.clock.advance(DAY_MS - 1);
    const fresh = await uploadTar(test.registry, "fresh");
    expect(await test.store.dropExpiredState()).toBe(0);
    test.clock.advance(1);
    const events = await eventsDuring(test.registry, async () => {
      expect(await test.store.dropExpiredState()).toBe(2);
    });
    expect(events).toEqual([]);
    expect(leasedDigests(test)).toEqual([fresh]);
    expect(answers()).toBe(0);
    expect(await test.store.dropExpiredState()).toBe(0);
  });
});
