import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Visibility } from "../../src/registry/records/apps.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { openTestStore, outcomeOf, publishTar, type TestStore, textOf } from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
  for (const visibility of ["public", "unlisted", "private"]) {
    await test.registry.createApp(visibility, { visibility, pin: { macos: ["TEAM123456"] } });
    await publishTar(test.registry, { app: visibility, version: "1", channel: "beta", text: visibility });
  }
});
afterEach(() => test.close());

const slugs = async (registry: Registry) =>
  (await registry.listApps()).items.map(({ slug }) => slug).toSorted();

/** The outcome of every way to look at an app, in the order of `ways`. */
async function lookingAt(registry: Registry, app: Visibility): Promise<string[]> {
  const digest = (await test.registry.getRelease(app, { release: "1" })).artifacts[0]!.sha256;
  const ways = [
    registry.getApp(app),
    registry.listReleases(app),
    registry.getRelease(app, { release: "1" }),
    registry.listChannels(app),
    registry.getChannel(app, "beta"),
    textOf(registry, digest),
    registry.channelHistory(app, "beta"),
  ];
  return Promise.all(ways.map(outcomeOf));
}

const sees = (history: string) => [...Array<string>(6).fill("ok"), history];
const seesNothing = [...Array<string>(5).fill("app.not_found"), "object.not_found", "app.not_found"];

describe("an app is seen", () => {
  it("by anonymous callers when it is public or unlisted, history excepted", async () => {
    const anonymous = test.anonymous();
    expect(await lookingAt(anonymous, "public")).toEqual(sees("auth.missing_token"));
    expect(await lookingAt(anonymous, "unlisted")).toEqual(sees("auth.missing_token"));
    expect(await lookingAt(anonymous, "private")).toEqual(seesNothing);
    expect(await slugs(anonymous)).toEqual(["public"]);
  });

  it("by a token without read as by an anonymous caller", async () => {
    const token = test.as(["audit", "token", "retention", "package.write"]);
    expect(await lookingAt(token, "unlisted")).toEqual(sees("auth.missing_scope"));
    expect(await lookingAt(token, "private")).toEqual(seesNothing);
    expect(await slugs(token)).toEqual(["public"]);
  });

  it.each(["read", "publish", "promote", "admin"] as const)(
    "by %s whatever its visibility",
    async (scope) => {
      const token = test.as([scope]);
      for (const app of ["public", "unlisted", "private"] as const)
        expect(await lookingAt(token, app)).toEqual(sees("ok"));
      expect(await slugs(token)).toEqual(["private", "public", "unlisted"]);
    },
  );

  it("by a token that is limited to it, which sees no less of the others than an anonymous caller", async () => {
    const token = test.as(["read"], { app: "private", channel: "stable" });
    expect(await lookingAt(token, "private")).toEqual(sees("ok"));
    expect(await lookingAt(token, "unlisted")).toEqual(sees("auth.wrong_app"));
    expect(await slugs(token)).toEqual(["private", "public"]);
    const elsewhere = test.as(["read"], { app: "unlisted" });
    expect(await lookingAt(elsewhere, "private")).toEqual(seesNothing);
    expect(await slugs(elsewhere)).toEqual(["public", "unlisted"]);
  });

  it("page by page without gap or repeat", async () => {
    const seen = [];
    let page = await test.registry.listApps({ limit: 1 });
    seen.push(...page.items);
    while (page.next !== null) {
      page = await test.registry.listApps({ limit: 1, after: page.next });
      seen.push(...page.items);
    }
    expect(seen.map(({ slug }) => slug)).toEqual(["private", "unlisted", "public"]);
  });
});

describe("what needs read", () => {
  it("is hidden from those without: who made a release, and who may sign", async () => {
    const look = async (registry: Registry) => [
      (await registry.getRelease("public", { release: "1" })).created_by,
      (await registry.listReleases("public")).items[0]!.created_by,
      (await registry.getApp("public")).identity_constraints,
      (await registry.listApps()).items.find(({ slug }) => slug === "public")!.identity_constraints,
    ];
    const pins = { macos: ["TEAM123456"] };
    expect(await look(test.as(["read"]))).toEqual(["local:tester", "local:tester", pins, pins]);
    for (const without of [test.anonymous(), test.as(["audit"])])
      expect(await look(without)).toEqual([null, null, {}, {}]);
    const elsewhere = await test.as(["read"], { app: "unlisted" }).getRelease("public", { release: "1" });
    expect(elsewhere.created_by).toBeNull();
  });
});

describe("a private app is as good as missing to those who may not see it", () => {
  const stranger = () => test.as(["publish", "promote", "read"], { app: "unlisted" });

  it("for acts too: they learn nothing that a missing app would not tell them", async () => {
    for (const app of ["private", "missing"]) {
      const { getApp, listReleases, promote, draftRelease } = stranger();
      expect(await outcomeOf(getApp(app))).toBe("app.not_found");
      expect(await outcomeOf(listReleases(app))).toBe("app.not_found");
      expect(await outcomeOf(promote(app, "beta", { release: "1" }))).toBe("auth.wrong_app");
      expect(await outcomeOf(draftRelease({ app, version: "9" }))).toBe("auth.wrong_app");
    }
  });

  it("and its error is word for word that of a missing one", async () => {
    const anonymous = test.anonymous();
    const message = async (app: string) =>
      anonymous.getApp(app).catch((error: Error) => error.message.replace(app, "…"));
    expect(await message("private")).toBe(await message("missing"));
  });
});

describe("the pages of a list", () => {
  it.each([0, 1001, 1.5, -1, Number.NaN])("cannot have %d entries", async (limit) => {
    expect(await outcomeOf(test.registry.listApps({ limit }))).toBe("page.invalid_limit");
    expect(await outcomeOf(test.registry.listReleases("public", { limit }))).toBe("page.invalid_limit");
    expect(await outcomeOf(test.registry.channelHistory("public", "beta", { limit }))).toBe(
      "page.invalid_limit",
    );
    expect(await outcomeOf(test.registry.listTokens({ limit }))).toBe("page.invalid_limit");
  });

  it.each(["", "x", "e30", "bnVsbA", "WzFd", "WyJhIl0", "[]"])("do not begin at %j", async (after) => {
    expect(await outcomeOf(test.registry.listApps({ after }))).toBe("page.invalid_cursor");
    expect(await outcomeOf(test.registry.listReleases("public", { after }))).toBe("page.invalid_cursor");
    expect(await outcomeOf(test.registry.listTokens({ after }))).toBe("page.invalid_cursor");
  });

  it("of releases hold what was published for a channel, newest first", async () => {
    for (const version of ["2", "3", "4"]) {
      test.clock.advance(1);
      await publishTar(test.registry, { app: "public", version, channel: version === "3" ? "rc" : "beta" });
    }
    const list = async (after?: string) =>
      test.registry.listReleases("public", { channel: "beta", limit: 2, ...(after && { after }) });
    const first = await list();
    expect(first.items.map(({ version }) => version)).toEqual(["4", "2"]);
    const second = await list(first.next!);
    expect(second.items.map(({ version }) => version)).toEqual(["1"]);
    expect(second.next).toBeNull();
    expect(await outcomeOf(test.registry.listReleases("public", { channel: "../x" }))).toBe(
      "channel.invalid_name",
    );
  });
});
