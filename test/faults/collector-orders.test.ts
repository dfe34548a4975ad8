import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { DistError } from "../../src/base/errors.ts";
import type { BlobStore } from "../../src/blob/blob-store.ts";
import { openDirectoryBlobStore } from "../../src/blob/directory.ts";
import type { Database } from "../../src/catalog/database.ts";
import { openSqliteDatabase } from "../../src/catalog/sqlite/sqlite-database.ts";
import type { Context } from "../../src/registry/context.ts";
import { localRegistry } from "../../src/registry/local-registry.ts";
import { LiveUploads } from "../../src/registry/uploads/live-uploads.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { markUnneeded } from "../../src/registry/store/collect-objects.ts";
import { sourceOf, tarGzBytes, testSettings } from "../support/test-store.ts";
import { type Actor, everyOrder } from "./interleavings.ts";
import { makeRoot } from "./memory-directory.ts";

const HOUR_MS = 3600 * 1000;
const START_MS = Date.now();
const bytes = tarGzBytes("the bytes that both are about");
const sha256 = createHash("sha256").update(bytes).digest("hex");
const objectPath = (store: string, digest = sha256) => join(store, "objects", digest.slice(0, 2), digest);

let root: string;
beforeAll(async () => {
  root = await makeRoot();
});
afterAll(() => rm(root, { recursive: true }));

/** A process of its own would share no more with another than these do: the directory. */
async function openContext(store: string, user: string, nowMs: number): Promise<Context> {
  const clock = { nowMs: () => nowMs };
  return {
    database: await openSqliteDatabase({ path: join(store, "dist.db"), create: true, clock }),
    blobs: openDirectoryBlobStore({ directory: store }),
    uploads: new LiveUploads(),
    clock,
    settings: testSettings,
    principal: localPrincipal(user),
  };
}

/**
 * The context with a `step` before those of its calls that are named: `write 2` is the second transaction. What a
 * transaction does inside needs none, for nobody comes between.
 */
function inSteps(
  context: Context,
  step: (name: string) => Promise<void>,
  isStep: (call: string) => boolean,
): Context {
  const counts = new Map<string, number>();
  const before = async (method: string): Promise<void> => {
    const count = (counts.get(method) ?? 0) + 1;
    counts.set(method, count);
    const call = `${method} ${count}`;
    if (isStep(call)) await step(`${context.principal.actor} ${call}`);
  };
  const { blobs, database } = context;
  return {
    ...context,
    database: wrap<Database>(database, {
      read: async (work) => {
        await before("read");
        return database.read(work);
      },
      write: async (actor, work) => {
        await before("write");
        return database.write(actor, work);
      },
    }),
    blobs: wrap<BlobStore>(blobs, {
      commit: async (staged, present) => {
        await before("commit");
        return blobs.commit(staged, present);
      },
      discard: async (uploadId) => {
        await before("discard");
        return blobs.discard(uploadId);
      },
      list: async function* () {
        await before("list");
        yield* blobs.list();
      },
    }),
  };
}

function wrap<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const method = Reflect.get(name in methods ? methods : target, name);
      return typeof method === "function" ? method.bind(name in methods ? methods : target) : method;
    },
  });
}

/** Link, record, drop the staging name; then look the object up, and publish (its manifest is stored in between). */
const uploaderSteps = new Set(["commit 1", "write 1", "discard 1", "read 2", "write 3"]);
/** Plan, mark, remove; list the files, remove those without a row; drop stale staging; record. */
const isCollectorStep = (call: string) => call === "read 2" || !call.startsWith("read");

/** Read what it is made of; store the manifest or the notes: link, record; record what names them. */
const makerSteps = new Set(["read 2", "commit 1", "write 1", "write 2"]);

interface Outcome {
  uploaded: boolean;
  published: boolean;
  made: boolean;
  refusals: string[];
}

function uploader(context: Context, store: string, outcome: Outcome): Actor {
  return async (step) => {
    await step("uploader begins");
    const registry = localRegistry(inSteps(context, step, (call) => uploaderSteps.has(call)));
    try {
      await registry.uploadObject(sourceOf(bytes));
      outcome.uploaded = true;
      const artifacts = [{ platform: "linux", filename: "acme.tar.gz", sha256 }] as const;
      await registry.publish({ app: "acme", version: "1.0.0", channel: "beta", artifacts });
      outcome.published = true;
    } catch (error) {
      if (!(error instanceof DistError)) throw error;
      outcome.refusals.push(error.code);
    }
    // Here too, in case the collector is stopped for ever where it stands.
    if (outcome.published) expect(existsSync(objectPath(store))).toBe(true);
  };
}

/** Finalizes the one package there is. */
const finalizer = maker(async (registry) => {
  const [open] = (await registry.listPackages()).items;
  return (await registry.finalizePackage(open!.id)).manifest_sha256!;
});

/** Opens a draft whose notes are an object. */
const drafter = maker(async (registry) => {
  const notes = "Long. ".repeat(3_000);
  return (await registry.draftRelease({ app: "acme", version: "1.0.0", notes })).notes_sha256!;
});

/** One that makes something out of an object of the registry's own, and answers its digest. */
function maker(make: (registry: Registry) => Promise<string>): typeof uploader {
  return (context, store, outcome) => async (step) => {
    await step("maker begins");
    try {
      const digest = await make(localRegistry(inSteps(context, step, (call) => makerSteps.has(call))));
      outcome.made = true;
      expect(existsSync(objectPath(store, digest))).toBe(true);
    } catch (error) {
      if (!(error instanceof DistError)) throw error;
      outcome.refusals.push(error.code);
    }
  };
}

function collector(context: Context): Actor {
  return async (step) => {
    await localRegistry(inSteps(context, step, isCollectorStep)).cleanupStore({ apply: true });
  };
}

/** How the bytes may stand in the store before either begins. */
const beginnings: Record<string, (store: string) => Promise<void>> = {
  "not there": async () => {},
  "there, and needed by nobody": uploadLongAgo,
  "marked by a collector that was stopped": async (store) => {
    await uploadLongAgo(store);
    const context = await openContext(store, "stopped", START_MS);
    expect(await markUnneeded(context, [sha256])).toEqual([sha256]);
    await context.database.close();
  },
  "unlinked by a collector that was stopped before its commit": async (store) => {
    await beginnings["marked by a collector that was stopped"]!(store);
    await rm(objectPath(store));
  },
  "linked by an upload that was killed before its commit": async (store) => {
    await mkdir(dirname(objectPath(store)), { recursive: true });
    await writeFile(objectPath(store), bytes);
  },
};

async function uploadLongAgo(store: string): Promise<void> {
  const context = await openContext(store, "long-ago", START_MS - 48 * HOUR_MS);
  await localRegistry(context).uploadObject(sourceOf(bytes));
  await context.database.close();
}

/** A package with a file, made two days ago and open. */
async function makePackage(store: string): Promise<void> {
  const context = await openContext(store, "long-ago", START_MS - 48 * HOUR_MS);
  const registry = localRegistry(context);
  const { id } = await registry.createPackage({ kind: "run", retention_class: "transient" });
  await registry.uploadObject(sourceOf(bytes));
  await registry.addPackageFiles(id, [{ path: "acme.tar.gz", sha256 }]);
  await context.database.close();
}

/** Every order of an actor and a collector whose clock is `aheadMs` ahead, from this beginning. */
async function tryEveryOrder(
  {
    begin,
    actor,
    aheadMs,
  }: { begin: (store: string) => Promise<void>; actor: typeof uploader; aheadMs: number },
  check: (outcome: Outcome, order: string) => void,
): Promise<number> {
  const template = await mkdtemp(join(root, "template-"));
  const empty = await openContext(template, "maker", START_MS - 48 * HOUR_MS);
  await empty.database.close();
  await begin(template);
  const store = join(root, "store");
  return everyOrder(async () => {
    await cp(template, store, { recursive: true });
    const contexts = [
      await openContext(store, "uploader", START_MS),
      await openContext(store, "collector", START_MS + aheadMs),
    ] as const;
    const outcome: Outcome = { uploaded: false, published: false, made: false, refusals: [] };
    return {
      actors: [actor(contexts[0], store, outcome), collector(contexts[1])],
      after: async (order) => {
        const text = order.join(", ");
        const report = await localRegistry(contexts[1]).verifyStore();
        expect(report.problems, text).toEqual([]);
        if (outcome.published) expect(existsSync(objectPath(store)), text).toBe(true);
        check(outcome, text);
        for (const { database } of contexts) await database.close();
        await rm(store, { recursive: true });
      },
    };
  });
}

describe("an upload and a collector, in every order of their steps", () => {
  it.each(Object.keys(beginnings))("always ends published when the bytes were %s", async (beginning) => {
    const runs = await tryEveryOrder(
      { begin: beginnings[beginning]!, actor: uploader, aheadMs: 0 },
      (outcome, order) => {
        expect(outcome, order).toMatchObject({ uploaded: true, published: true, refusals: [] });
      },
    );
    console.log(`${beginning}: ${runs} orders`);
    expect(runs).toBeGreaterThan(20);
  });

  // Catches a publish that is acknowledged although its lease had run out and its bytes were collected.
  it.each(Object.keys(beginnings))(
    "never loses what it answered for, though the uploader sleeps past its lease, when the bytes were %s",
    async (beginning) => {
      let published = 0;
      const codes = new Set<string>();
      const runs = await tryEveryOrder(
        { begin: beginnings[beginning]!, actor: uploader, aheadMs: 25 * HOUR_MS },
        (outcome, order) => {
          published += outcome.published ? 1 : 0;
          for (const code of outcome.refusals) codes.add(code);
          expect(outcome.published, order).toBe(outcome.refusals.length === 0);
        },
      );
      console.log(`${beginning}, slept: ${runs} orders, ${published} published, others ${[...codes].join()}`);
      expect(published).toBeGreaterThan(0);
      expect(["object.missing", "blob.staging_gone"]).toEqual(expect.arrayContaining([...codes]));
    },
  );
});

describe("what the registry makes and a collector, in every order of their steps", () => {
  // Catches a package that is finalized although the lease on its manifest had run out and the manifest was collected; so with notes.
  it.each([
    ["the manifest of a package that stays", makePackage, finalizer, 25, []],
    [
      "the manifest of a package whose period has ended",
      makePackage,
      finalizer,
      8 * 24,
      ["package.not_open"],
    ],
    ["the notes of a draft", async () => {}, drafter, 25, []],
  ] as const)("never lose %s", async (_, begin, actor, aheadHours, refusals) => {
    let made = 0;
    const codes = new Set<string>();
    const runs = await tryEveryOrder({ begin, actor, aheadMs: aheadHours * HOUR_MS }, (outcome, order) => {
      made += outcome.made ? 1 : 0;
      for (const code of outcome.refusals) codes.add(code);
      expect(outcome.made, order).toBe(outcome.refusals.length === 0);
    });
    console.log(`${runs} orders, ${made} made, others ${[...codes].join()}`);
    expect(made).toBeGreaterThan(0);
    expect(codes.size).toBeGreaterThan(0);
    expect(["object.missing", "blob.staging_gone", ...refusals]).toEqual(expect.arrayContaining([...codes]));
  });
});
