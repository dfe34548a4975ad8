import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Registry } from "../../src/registry/registry.ts";
import { eventsOf, openTestStore, outcomeOf, publishTar, type TestStore } from "../support/test-store.ts";

const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
let current: string;
let superseded: string;
beforeEach(async () => {
  test = await openTestStore();
  await test.registry.createApp("acme", { visibility: "private" });
  superseded = (await publishTar(test.registry, { version: "1", channel: "beta" })).artifacts[0]!.sha256;
  current = (await publishTar(test.registry, { version: "2", channel: "beta" })).artifacts[0]!.sha256;
});
afterEach(() => test.close());

/** The registry as somebody who came by a share link. */
async function visitor(request: { channel?: string; expires_in?: string } = {}): Promise<Registry> {
  const { secret } = await test.registry.createShare("acme", request);
  return test.store.as(await test.store.authenticateShare(secret));
}

describe("a share link of a private app", () => {
  it("opens the page and what is current, and nothing else", async () => {
    const guest = await visitor();
    expect((await guest.getApp("acme")).slug).toBe("acme");
    const { sha256 } = await guest.currentArtifact("acme", "beta", { platform: "linux" });
    expect(sha256).toBe(current);
    expect((await guest.openObject(current)).filename).toBe("acme.tar.gz");
    expect(await outcomeOf(guest.openObject(superseded))).toBe("object.not_found");
    expect(await outcomeOf(test.anonymous().openObject(current))).toBe("object.not_found");
    expect(await outcomeOf(test.anonymous().getApp("acme"))).toBe("app.not_found");
  });

  it("never lets anything be changed", async () => {
    const guest = await visitor();
    expect(await outcomeOf(guest.rollback("acme", "beta"))).toMatch(/^auth\./);
    expect(await outcomeOf(guest.createShare("acme"))).toMatch(/^auth\./);
    expect(await outcomeOf(guest.listAudit({ app: "acme" }))).toMatch(/^auth\./);
  });

  it("of one channel opens that channel's artifacts only", async () => {
    await publishTar(test.registry, { version: "3", channel: "nightly", text: "nightly" });
    const nightly = await visitor({ channel: "nightly" });
    expect(await outcomeOf(nightly.openObject(current))).toBe("object.not_found");
    const { sha256 } = await nightly.currentArtifact("acme", "nightly", { platform: "linux" });
    expect((await nightly.openObject(sha256)).sha256).toBe(sha256);
  });

  it("ends when its time is over, and when it is revoked", async () => {
    const { secret, expires_at } = await test.registry.createShare("acme");
    expect(Date.parse(expires_at) - test.clock.nowMs()).toBe(7 * DAY_MS);
    test.clock.advance(7 * DAY_MS);
    expect(await outcomeOf(test.store.authenticateShare(secret))).toBe("share.expired");
    const other = await test.registry.createShare("acme", { expires_in: "30d" });
    expect((await test.registry.revokeShare("acme", other.id)).status).toBe("revoked");
    await test.registry.revokeShare("acme", other.id);
    expect(await outcomeOf(test.store.authenticateShare(other.secret))).toBe("share.revoked");
    expect(await eventsOf(test.registry, { action: "share.revoked" })).toHaveLength(1);
  });

  it("is refused for longer than a year, for a channel that is not there, and when nobody made it", async () => {
    expect(await outcomeOf(test.registry.createShare("acme", { expires_in: "2y" }))).toBe("share.too_long");
    expect(await outcomeOf(test.registry.createShare("acme", { channel: "none" }))).toBe("channel.not_found");
    expect(await outcomeOf(test.store.authenticateShare("share_00"))).toBe("share.not_found");
    expect(await outcomeOf(test.registry.revokeShare("acme", "shr_00"))).toBe("share.not_found");
  });

  it("shows its secret once: not in lists, not in the audit log", async () => {
    const { secret, id } = await test.registry.createShare("acme");
    const { items } = await test.registry.listShares("acme");
    expect(items.map((share) => [share.id, share.status])).toEqual([[id, "active"]]);
    const shown = JSON.stringify([items, await test.registry.listAudit()]);
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain("secret_hash");
  });
});
