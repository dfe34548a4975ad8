import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  actionsOf,
  eventsDuring,
  eventsOf,
  leasedDigests,
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  sqlOn,
  stagedNames,
  type TestStore,
  textOf,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const bytes = Buffer.from("abc");
// The digests of "abc" that FIPS 180-4 and the BLAKE3 test vectors' reference program give.
const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const blake3 = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
const upload = (options = {}, name = "one") =>
  test.as(["publish"], { name }).uploadObject(sourceOf(bytes), options);

describe("an upload", () => {
  it("answers both digests, whether the caller could have known, and the end of the lease", async () => {
    const events = await eventsDuring(test.registry, async () => {
      expect(await upload()).toStrictEqual({
        sha256,
        blake3,
        size_bytes: 3,
        existed: false,
        lease_expires_at: "2026-11-21T15:00:00.000Z",
      });
    });
    expect(events).toMatchObject([
      { action: "object.stored", target_id: sha256, metadata: { sha256, blake3, size: 3 } },
    ]);
  });

  it("by the same principal renews its lease; by another takes one of its own", async () => {
    await upload();
    test.clock.advance(3600 * 1000);
    const events = await eventsDuring(test.registry, async () => {
      expect(await upload()).toMatchObject({ existed: true, lease_expires_at: "2026-11-21T16:00:00.000Z" });
      expect(await upload({}, "two")).toMatchObject({ existed: false });
    });
    expect(events).toEqual([]);
    expect(sqlOn(test, "SELECT principal FROM lease ORDER BY 1")).toMatchObject([
      { principal: "tok_one" },
      { principal: "tok_two" },
    ]);
  });

  it.each([
    ["of another size than declared", { expected: { size: 4 } }, "validation.size_mismatch"],
    [
      "with another digest than declared",
      { expected: { sha256: "0".repeat(64) } },
      "validation.digest_mismatch",
    ],
  ])("%s stores nothing", async (_, options, code) => {
    expect(await outcomeOf(upload(options))).toBe(code);
    expect(await eventsOf(test.registry)).toEqual([]);
    expect((await test.registry.verifyStore()).collectable.filter(({ kind }) => kind === "staging")).toEqual(
      [],
    );
  });

  it("that is as declared is stored", async () => {
    expect((await upload({ expected: { size: 3, sha256 } })).sha256).toBe(sha256);
  });

  it("beyond the limit is refused and leaves nothing", async () => {
    const small = await openTestStore({ settings: { maxUploadBytes: 2 } });
    expect(await outcomeOf(small.registry.uploadObject(sourceOf(bytes)))).toBe("blob.too_large");
    expect(await small.registry.verifyStore()).toMatchObject({ problems: [], collectable: [] });
    await small.close();
  });

  it("whose source fails or is stopped raises that, and leaves nothing", async () => {
    const broken = {
      open: async function* () {
        yield bytes;
        throw new Error("the network is gone");
      },
    };
    await expect(test.registry.uploadObject(broken)).rejects.toThrow("the network is gone");
    await expect(upload({ signal: AbortSignal.abort(new Error("stopped")) })).rejects.toThrow("stopped");
    expect(await test.registry.verifyStore()).toMatchObject({ problems: [], collectable: [] });
  });
});

describe("reading an object", () => {
  it("that only a lease holds is for nobody: a digest is not a permission", async () => {
    await upload();
    for (const reader of [test.as(["publish"], { name: "one" }), test.registry, test.anonymous()])
      expect(await outcomeOf(textOf(reader, sha256))).toBe("object.not_found");
  });

  it.each(["", "x", "../../dist.db", "0".repeat(64), sha256.toUpperCase()])(
    "called %j is not there",
    async (name) => {
      await publishTar(test.registry, { version: "1" });
      expect(await outcomeOf(textOf(test.registry, name))).toBe("object.not_found");
    },
  );

  it("streams what was uploaded", async () => {
    const { artifacts } = await publishTar(test.registry, { version: "1", text: "hello" });
    expect(await textOf(test.anonymous(), artifacts[0]!.sha256)).toContain("hello");
  });
});

describe("the store's own events", () => {
  it("record an object once, although two upload it at once", async () => {
    const events = await eventsDuring(test.registry, () =>
      Promise.all([upload(), upload({}, "two"), upload()]),
    );
    expect(actionsOf(events)).toEqual(["object.stored"]);
  });
});

describe("many small uploads at once", () => {
  it("are stored in one transaction, in their order, equal bytes once", async () => {
    const texts = Array.from({ length: 50 }, (_, index) => `text ${index % 40}`);
    const events = await eventsDuring(test.registry, async () => {
      const objects = await test.registry.uploadObjects(texts.map((text) => sourceOf(Buffer.from(text))));
      const again = await test.registry.uploadObjects(texts.map((text) => sourceOf(Buffer.from(text))));
      expect(again.map((object) => object.sha256)).toEqual(objects.map((object) => object.sha256));
      expect(objects.map(({ size_bytes }) => size_bytes)).toEqual(texts.map(({ length }) => length));
      expect(again.every(({ existed }) => existed)).toBe(true);
    });
    expect(actionsOf(events)).toEqual(Array.from({ length: 40 }, () => "object.stored"));
    expect(new Set(events.map(({ created_at }) => created_at)).size).toBe(1);
    expect(await stagedNames(test)).toEqual([]);
    expect(await test.registry.verifyStore()).toMatchObject({ ok: true, checked: { objects: 40 } });
  });

  it("are all or none: a source that fails leaves nothing", async () => {
    const broken = {
      open: async function* () {
        yield Buffer.from("half");
        throw new Error("The disk is gone.");
      },
    };
    const sources = [sourceOf(Buffer.from("a")), broken, sourceOf(Buffer.from("b"))];
    await expect(test.registry.uploadObjects(sources)).rejects.toThrow("The disk is gone.");
    expect(await stagedNames(test)).toEqual([]);
    expect(leasedDigests(test)).toEqual([]);
  });
});
