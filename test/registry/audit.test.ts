import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { AuditFilter, AuditRecord } from "../../src/registry/records/events.ts";
import type { PageRequest } from "../../src/registry/records/pages.ts";
import {
  actionsOf,
  eventsOf,
  openTestStore,
  outcomeOf,
  publishTar,
  type TestStore,
} from "../support/test-store.ts";

let test: TestStore;
let releaseId: string;
beforeEach(async () => {
  test = await openTestStore();
  releaseId = (await publishTar(test.registry, { version: "1", channel: "beta" })).release.id;
  test.clock.advance(1000);
  await publishTar(test.as(["publish"], { name: "ci" }), { app: "other", version: "1", text: "o" });
  test.clock.advance(1000);
  await test.registry.updateApp("acme", { owner: "someone" });
});
afterEach(() => test.close());

const all = (filter: AuditFilter & PageRequest = {}) => test.registry.listAudit({ limit: 1000, ...filter });

describe("an audit entry", () => {
  it("says who did what to what, when", async () => {
    const { items } = await all({ action: "release.published" });
    expect(items[0]).toStrictEqual({
      id: expect.any(Number),
      action: "release.published",
      actor: "token:ci",
      actor_id: "tok_ci",
      target_type: "release",
      target_id: expect.stringMatching(/^rel_/),
      metadata: expect.objectContaining({ app_id: expect.stringMatching(/^app_/) }),
      created_at: "2026-11-20T15:00:01.000Z",
    });
    expect(items[0]!.metadata).not.toHaveProperty("actor_id");
    expect(items[1]).toMatchObject({ actor: "local:tester", actor_id: null, target_id: releaseId });
  });

  it("names the thing an action is done to by its kind", async () => {
    await test.registry.updateApp("acme", { retention_class: "transient" });
    await publishTar(test.registry, { version: "2" });
    await test.registry.createToken({ name: "t", scopes: ["read"] });
    const kinds = new Map((await all()).items.map(({ action, target_type: kind }) => [action, kind]));
    expect(Object.fromEntries(kinds)).toEqual({
      "app.created": "app",
      "app.updated": "app",
      "artifact.validated": "artifact",
      "channel.created": "channel",
      "channel.promoted": "channel",
      "object.stored": "object",
      "package.created": "package",
      "package.file_added": "package",
      "package.finalized": "package",
      "release.drafted": "release",
      "release.published": "release",
      "retention.default_applied": "package",
      "token.created": "token",
    });
  });

  it("has numbers without a gap, from 1", async () => {
    const ids = (await eventsOf(test.registry)).map(({ id }) => id);
    expect(ids).toEqual(ids.map((_, index) => index + 1));
  });
});

describe("the filter", () => {
  it("app keeps what belongs to that app", async () => {
    const acme = (await test.registry.getApp("acme")).id;
    const { items } = await all({ app: "acme" });
    expect(items.length).toBeGreaterThan(5);
    expect(new Set(items.map(({ metadata }) => metadata["app_id"]))).toEqual(new Set([acme]));
    const others = (await all()).items.filter(({ id }) => !items.some((item) => item.id === id));
    expect(others.some(({ metadata }) => metadata["app_id"] === acme)).toBe(false);
  });

  it("actor keeps one actor's acts", async () => {
    const { items } = await all({ actor: "token:ci" });
    expect(items.length).toBeGreaterThan(5);
    expect(new Set(items.map(({ actor }) => actor))).toEqual(new Set(["token:ci"]));
  });

  it.each(["app.created", "v1.app.created"])("action takes %s", async (action) => {
    expect(actionsOf((await all({ action })).items)).toEqual(["app.created", "app.created"]);
  });

  it("target keeps what was done to one thing", async () => {
    const { items } = await all({ target: releaseId });
    expect(actionsOf(items)).toEqual(["release.published", "release.drafted"]);
  });

  it("since is inclusive and until exclusive, in any offset", async () => {
    const { items } = await all({ since: "2026-11-20T15:00:01Z", until: "2026-11-20T15:00:02Z" });
    expect(new Set(items.map(({ created_at: at }) => at))).toEqual(new Set(["2026-11-20T15:00:01.000Z"]));
    const offset = { since: "2026-11-20T16:00:01+01:00", until: "2026-11-20t10:00:02.000-05:00" };
    expect(await all(offset)).toEqual(
      await all({ since: "2026-11-20T15:00:01Z", until: "2026-11-20T15:00:02Z" }),
    );
    expect((await all({ since: "2026-11-20T15:00:02.001Z" })).items).toEqual([]);
  });

  it("combines with the others, and finds nothing where nothing is", async () => {
    const filter = {
      app: "acme",
      actor: "local:tester",
      action: "app.updated",
      since: "2026-11-20T15:00:02Z",
    };
    expect((await all(filter)).items).toHaveLength(1);
    expect((await all({ ...filter, actor: "token:ci" })).items).toEqual([]);
    expect((await all({ action: "app.deleted" })).items).toEqual([]);
    expect((await all({ target: "' OR 1=1 --" })).items).toEqual([]);
  });

  it.each([
    [{ since: "yesterday" }, "request.invalid_time"],
    [{ until: "2026-11-20" }, "request.invalid_time"],
    [{ until: "2026-13-20T00:00:00Z" }, "request.invalid_time"],
    [{ since: "2026-02-30T00:00:00Z" }, "request.invalid_time"],
    [{ since: "2026-11-20T15:00:00" }, "request.invalid_time"],
    [{ limit: 0 }, "page.invalid_limit"],
    [{ limit: 1001 }, "page.invalid_limit"],
    [{ limit: 1.5 }, "page.invalid_limit"],
    [{ after: "" }, "page.invalid_cursor"],
    [{ after: "12" }, "page.invalid_cursor"],
    [{ after: "WyJhIl0" }, "page.invalid_cursor"],
    [{ app: "missing" }, "app.not_found"],
  ] as const)("refuses %j", async (filter, code) => {
    expect(await outcomeOf(test.registry.listAudit(filter))).toBe(code);
  });
});

describe("pages", () => {
  const walk = async (filter: AuditFilter) => {
    const seen: AuditRecord[] = [];
    let after: string | null | undefined;
    for (let turn = 0; after !== null; turn++) {
      const page = await test.registry.listAudit({ ...filter, limit: 3, ...(after && { after }) });
      seen.push(...page.items);
      after = page.next;
      // Events keep coming while somebody reads, but not for ever.
      if (turn < 4) await test.registry.updateApp("acme", { owner: `owner ${turn}` });
    }
    return seen.map(({ id }) => id);
  };

  it("go newest first over what was there at the start, while events are appended", async () => {
    const before = (await eventsOf(test.registry)).length;
    expect(await walk({})).toEqual(Array.from({ length: before }, (_, index) => before - index));
  });

  it("go oldest first to the end, events appended meanwhile included", async () => {
    const seen = await walk({ order: "ascending" });
    expect(seen).toEqual((await eventsOf(test.registry)).map(({ id }) => id));
  });

  it("have 50 entries unless told", async () => {
    for (let count = 0; count < 50; count++) await test.registry.updateApp("acme", { owner: `${count}` });
    const { items, next } = await test.registry.listAudit();
    expect([items.length, next === null]).toEqual([50, false]);
  });
});

describe("a token limited to an app", () => {
  it("sees that app's events and no others, whatever it asks", async () => {
    const limited = test.as(["audit"], { app: "other" });
    const other = (await test.registry.getApp("other")).id;
    const { items } = await limited.listAudit({ limit: 1000 });
    expect(items.length).toBeGreaterThan(5);
    expect(new Set(items.map(({ metadata }) => metadata["app_id"]))).toEqual(new Set([other]));
    expect((await limited.listAudit({ target: releaseId })).items).toEqual([]);
    expect((await limited.listAudit({ action: "object.stored" })).items).toEqual([]);
    expect(await outcomeOf(limited.listAudit({ app: "acme" }))).toBe("auth.wrong_app");
  });
});
