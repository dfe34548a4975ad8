import { rm } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { delay } from "../../src/base/async.ts";
import { parseDuration } from "../../src/base/duration.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { makeDirectory } from "../store/store-files.ts";
import { engine } from "../support/test-database.ts";
import {
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  tarGzBytes,
  testSettings,
  type TestStore,
} from "../support/test-store.ts";
import { type Collector, openCollector } from "./collector.ts";

const isServices = engine === "postgres";
/** A round takes longer on the services. */
const ROUNDS = isServices && process.env["DIST_TEST_LONG"] !== "1" ? 100 : 500;
/** About as long as a cleanup takes: within this all others begin. */
const SPREAD_MS = isServices ? 250 : 20;
/** To look at all of a store takes the longer the longer its log is. */
const VERIFY_EVERY = 50;

/**
 * Times of seconds: the clock stays before the machine's, by which files are dated, so that no upload under way is taken for one that
 * stopped long ago.
 */
const LEASE_MS = 1_000;
const PERIOD_MS = 10_000;

/** What a call may come to, besides `ok`, when a cleanup, a finalization or the end of a lease comes before it. */
const refusals: Readonly<Record<string, readonly string[]>> = {
  "bring and add": ["package.not_open", "object.missing"],
  "bring again and add": ["package.not_open", "object.missing"],
  "add by digest": ["package.not_open", "object.missing"],
  replace: ["package.not_open", "object.missing"],
  finalize: ["package.changed", "object.missing"],
  hold: ["package.deleted"],
  extend: ["package.deleted"],
  publish: ["object.missing"],
};

/** What there is before a round. */
interface Scene {
  /** Its period has ended, and so far nothing holds it. */
  readonly contested: string;
  /** Open, with one file that nothing else names. */
  readonly open: string;
  /** Of bytes that only packages name which may go. */
  readonly shared: string;
}

/** A store that is used, and a collector, in many short rounds. The same seed gives the same delays. */
class Race {
  readonly #test: TestStore;
  readonly #collector: Collector;
  #state: number;
  /** `call code` of everything that happened. */
  readonly seen = new Set<string>();

  constructor(test: TestStore, collector: Collector, seed: number) {
    this.#test = test;
    this.#collector = collector;
    this.#state = seed;
  }

  async round(round: number): Promise<void> {
    const { contested, open, shared } = await this.#prepare(round);
    const user = this.#test.registry;
    const add = (path: string, sha256: string) =>
      user.addPackageFiles(open, [{ path, sha256 }], { replace: true });
    const grants = ["hold", "extend"] as const;
    const grant = grants[round % 2]!;
    // In some rounds the collector's clock stands where the leases of all others have run out.
    const aheadMs = round % 4 === 3 ? 2 * LEASE_MS : 0;
    const cleanup = async () => {
      await delay(this.#chance(SPREAD_MS));
      return this.#collector.cleanup(this.#test.clock.nowMs() + aheadMs);
    };
    const [cleaned, granted] = await Promise.all([
      cleanup(),
      this.#call(grant, () => this.#grant(contested, grant)),
      this.#call("bring and add", async () => add("free", await upload(user, `free ${round}`))),
      this.#call("bring again and add", async () => add("shared", await upload(user, `shared ${round}`))),
      this.#call("add by digest", () => add("named", shared)),
      this.#call("replace", async () => add("old", await upload(user, `new ${round}`))),
      this.#call("finalize", () => user.finalizePackage(open)),
      this.#call("publish", () =>
        publishTar(user, { version: `1.${round}`, channel: null, text: `shared ${round}` }),
      ),
    ]);
    expect(cleaned).toBe("ok");
    this.#test.clock.advance(aheadMs);
    await this.#expectWhole();
    await this.#test.registry.cleanupStore({ apply: true });
    await this.#expectWhole();
    // An acknowledged grant is never followed by a deletion, whatever was on its way.
    const { status } = await user.getPackage(contested);
    expect(status).toBe(granted === "ok" ? "finalized" : "deleted");
    if (granted === "ok" && grant === "hold") await this.#release(contested);
  }

  async #prepare(round: number): Promise<Scene> {
    const { registry, clock } = this.#test;
    const shared = await upload(registry, `shared ${round}`);
    await upload(registry, `free ${round}`);
    const packageOf = async (files: Readonly<Record<string, string>>) => {
      const { id } = await registry.createPackage({ kind: "run", retention_class: "transient" });
      const added = Object.entries(files).map(([path, sha256]) => ({ path, sha256 }));
      await registry.addPackageFiles(id, added);
      return id;
    };
    await packageOf({ shared, own: await upload(registry, `own ${round}`) });
    const contested = await packageOf({ shared, own: await upload(registry, `contested ${round}`) });
    await registry.finalizePackage(contested);
    clock.advance(PERIOD_MS);
    const open = await packageOf({ old: await upload(registry, `old ${round}`) });
    return { contested, open, shared };
  }

  #grant(id: string, grant: "hold" | "extend"): Promise<unknown> {
    const reason = "Dispute.";
    if (grant === "hold") return this.#test.registry.holdPackage(id, { reason });
    const until = new Date(this.#test.clock.nowMs() + PERIOD_MS / 2).toISOString();
    return this.#test.registry.extendRetention(id, { new_expires_at: until, reason });
  }

  async #release(id: string): Promise<void> {
    const { holds } = await this.#test.registry.getRetention(id);
    for (const hold of holds) await this.#test.registry.releaseHold(id, hold.id, { reason: "Settled." });
  }

  /** Begins a call after a while, and answers how it went. */
  async #call(name: string, work: () => Promise<unknown>): Promise<string> {
    await delay(this.#chance(SPREAD_MS));
    const outcome = await outcomeOf(work());
    expect(["ok", ...refusals[name]!], name).toContain(outcome);
    this.seen.add(`${name} ${outcome}`);
    return outcome;
  }

  /** Every byte that a live package names reads back. */
  async #expectWhole(): Promise<void> {
    const { items } = await this.#test.registry.listPackages({ limit: 1000 });
    for (const { id, status } of items) {
      if (status !== "deleted")
        expect(await this.#test.registry.verifyPackage(id), id).toMatchObject({ problems: [] });
    }
  }

  #chance(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }
}

async function upload(registry: Registry, text: string): Promise<string> {
  return (await registry.uploadObject(sourceOf(tarGzBytes(text)))).sha256;
}

describe("a cleanup that others work beside", () => {
  // Catches a collector that takes bytes between the look at them and the event that names them, and a deletion decided before a hold.
  it(
    `takes nothing that is named, and nothing that is held (${ROUNDS} rounds)`,
    async () => {
      const directory = await makeDirectory();
      const test = await openTestStore({
        directory,
        settings: {
          expireAfterMs: LEASE_MS,
          retentionClasses: {
            ...testSettings.retentionClasses,
            transient: parseDuration(`${PERIOD_MS / 1000}s`),
          },
        },
      });
      const collector = await openCollector(test);
      const seed = Date.now() >>> 0;
      try {
        // Releases that were never on a channel leave their window, and race too.
        await test.registry.createApp("acme", { retention_keep: 2 });
        const race = new Race(test, collector, seed);
        for (let round = 1; round <= ROUNDS; round += 1) {
          await race.round(round).catch((error: unknown) => {
            throw new Error(`Round ${round} of seed ${seed}: ${String(error)}`, { cause: error });
          });
          if (round % VERIFY_EVERY !== 0) continue;
          expect(await test.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
        }
        expect(await test.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
        // Rounds in which one always comes first prove nothing.
        for (const both of ["hold", "extend", "finalize", "add by digest"]) {
          expect([...race.seen].filter((what) => what.startsWith(`${both} `)).length, both).toBeGreaterThan(
            1,
          );
        }
      } finally {
        await collector.close();
        await test.close();
        await rm(directory, { recursive: true, force: true });
      }
    },
    4_000 * ROUNDS,
  );
});
