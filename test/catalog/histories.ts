import fc from "fast-check";

import { toTimestamp } from "../../src/base/clock.ts";
import { DistError } from "../../src/base/errors.ts";
import type { JsonObject } from "../../src/log/events.ts";
import type { ShareRecord } from "../../src/registry/records/links.ts";
import type { HoldRecord } from "../../src/registry/records/packages.ts";
import type { ArtifactRequest, PublishResult } from "../../src/registry/records/releases.ts";
import type { TokenRecord } from "../../src/registry/records/tokens.ts";
import { sourceOf, tarGzBytes, type TestStore } from "../support/test-store.ts";

/** One use case with its arguments; every step is plain data, so that a failing history can be read. */
export type Step =
  | { do: "create-app"; app: string }
  | { do: "set-app"; app: string; changes: Record<string, unknown> }
  | { do: "publish"; app: string; version: string; channel: string | null; texts: string[]; skip: boolean }
  | { do: "draft"; app: string; version: string; channel: string | null; notes: string | null }
  | { do: "attach"; app: string; version: string; text: string; arch: "x86_64" | "arm64"; replace: boolean }
  | { do: "publish-draft"; app: string; version: string; channel: string | null | undefined }
  | { do: "set-channel"; app: string; channel: string; changes: Record<string, unknown> }
  | { do: "promote"; app: string; channel: string; version: string; rollout: number }
  | { do: "rollback"; app: string; channel: string }
  | { do: "revoke"; app: string; version: string; reason: string | null }
  | { do: "create-token"; name: string; expires: string | null }
  | { do: "use-token" }
  | { do: "revoke-token" }
  | { do: "share"; app: string; channel: string }
  | { do: "revoke-share" }
  | { do: "create-package"; key: string | null; retention_class: string; metadata: JsonObject }
  /** A package is named by its place among those made so far, evidence and releases, counted round. */
  | { do: "add-files"; package: number; paths: string[]; text: string; replace: boolean }
  | { do: "remove-file"; package: number; path: string }
  | { do: "finalize"; package: number }
  | { do: "fail"; package: number }
  | { do: "hold"; package: number; case: string | null }
  | { do: "release-hold"; hold: number }
  | { do: "extend"; package: number; ms: number }
  | { do: "sweep" }
  | { do: "upload"; text: string }
  | { do: "cleanup"; apply: boolean }
  | { do: "wait"; ms: number };

// Most steps are about the same things: otherwise nearly all of them are refused.
const apps = fc.constantFrom("acme", "acme", "acme", "beta-app");
const channels = fc.constantFrom("beta", "beta", "beta", "alpha", "stable");
const versions = fc.constantFrom("1.0", "1.1", "2.0", "2.0-rc+1");
const texts = fc.constantFrom("a", "b", "c", "d");
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 4 });

const appChanges = fc.constantFrom(
  { display_name: "Ünï\u2028cøde 🚀" },
  { owner: "ada" },
  { owner: null },
  { visibility: "public" },
  { visibility: "private" },
  { allowed_platforms: ["linux", "macos"] },
  { bundle_ids: { ios: "com.example.a", android: "com.example.b" } },
  { bundle_ids: { ios: null } },
  { pin: { macos: ["TEAM123456"] } },
  { unpin: ["macos"] },
  { retention_keep: 2 },
  { retention_keep: 0 },
  { retention_class: "transient" },
  { retention_class: null },
  { ios_mode: "testflight", testflight_url: "https://testflight.apple.com/join/AbCdEf12" },
);

const channelChanges = fc.constantFrom(
  { policy: { promote: "manual" } },
  { policy: { promote: "auto", require_validation: true } },
  { policy: { from: "alpha", min_time_seconds: 3_600 } },
  { policy: { from: null, require_validation: false } },
  { rollout_percent: 10 },
  { retention_keep: 2 },
  { retention_keep: null },
);

const notes = fc.constantFrom(null, "Short.", "Lines\u2028apart\r\n\u0000", "Long. ".repeat(3_000));

const hour = 3_600_000;
const day = 24 * hour;
const waits = fc.constantFrom(1, hour, 8 * day, -2 * hour, 400 * day);

const packages = fc.nat({ max: 5 });
const paths = fc.constantFrom("a", "B", "d/e.json", "d/ü\u2028.txt");
const classes = fc.constantFrom("transient", "transient", "raw-evidence", "permanent-record");
const packageMetadata = fc.constantFrom<JsonObject>(
  {},
  { run: "7", ok: true, share: 0.25, größe: 1e21, none: null, nested: { b: [1, { a: "x" }], a: -0 } },
  { text: "Ünï\u2028cøde\u0000 🚀", long: "x".repeat(300), "": "" },
);

/** Any use case that changes something, publications and promotions more often than the rest. */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant("create-app" as const), app: apps }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("set-app" as const), app: apps, changes: appChanges }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      app: apps,
      version: versions,
      channel: maybe(channels),
      texts: fc.array(texts, { minLength: 1, maxLength: 2 }),
      skip: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("draft" as const),
      app: apps,
      version: versions,
      channel: maybe(channels),
      notes,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("attach" as const),
      app: apps,
      version: versions,
      text: texts,
      arch: fc.constantFrom("x86_64" as const, "arm64" as const),
      replace: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("publish-draft" as const),
      app: apps,
      version: versions,
      channel: fc.oneof(fc.constant(undefined), maybe(channels)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("set-channel" as const),
      app: apps,
      channel: channels,
      changes: channelChanges,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("promote" as const),
      app: apps,
      channel: channels,
      version: versions,
      rollout: fc.constantFrom(0, 25, 100),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("rollback" as const), app: apps, channel: channels }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("revoke" as const),
      app: apps,
      version: versions,
      reason: maybe(fc.constant("broken")),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("create-token" as const),
      name: fc.constantFrom("ci", "ada"),
      expires: maybe(fc.constant("7d")),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: "use-token" }, { do: "revoke-token" }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("share" as const), app: apps, channel: channels }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "revoke-share" }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("create-package" as const),
      key: maybe(fc.constantFrom("run:1", "run:2")),
      retention_class: classes,
      metadata: packageMetadata,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("add-files" as const),
      package: packages,
      paths: fc.uniqueArray(paths, { minLength: 1, maxLength: 3 }),
      text: texts,
      replace: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("remove-file" as const), package: packages, path: paths }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("finalize" as const), package: packages }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), package: packages }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("hold" as const),
      package: packages,
      case: maybe(fc.constant("A-1")),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("release-hold" as const), hold: fc.nat({ max: 2 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("extend" as const),
      package: packages,
      ms: fc.constantFrom(hour, 30 * day, 500 * day),
    }),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ do: "sweep" }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("upload" as const), text: texts }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cleanup" as const), apply: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: waits }) },
);

/** A history that leaves at least one row in every view, and every status a release can have. */
export const fullHistory: readonly Step[] = [
  { do: "create-app", app: "acme" },
  { do: "set-app", app: "acme", changes: { retention_class: "transient", pin: { macos: ["TEAM123456"] } } },
  { do: "publish", app: "acme", version: "1.0", channel: "beta", texts: ["a"], skip: false },
  { do: "wait", ms: hour },
  { do: "publish", app: "acme", version: "1.1", channel: "beta", texts: ["b", "c"], skip: false },
  { do: "publish", app: "acme", version: "2.0", channel: "beta", texts: ["c"], skip: false },
  { do: "promote", app: "acme", channel: "beta", version: "1.0", rollout: 25 },
  { do: "rollback", app: "acme", channel: "beta" },
  { do: "revoke", app: "acme", version: "2.0", reason: "broken" },
  { do: "draft", app: "beta-app", version: "1.0", channel: "alpha", notes: "Long. ".repeat(3_000) },
  { do: "attach", app: "beta-app", version: "1.0", text: "d", arch: "arm64", replace: false },
  { do: "create-token", name: "ci", expires: "7d" },
  { do: "use-token" },
  { do: "share", app: "acme", channel: "beta" },
  { do: "draft", app: "acme", version: "2.0-rc+1", channel: "beta", notes: null },
  { do: "attach", app: "acme", version: "2.0-rc+1", text: "a", arch: "x86_64", replace: false },
  {
    do: "create-package",
    key: "run:1",
    retention_class: "transient",
    metadata: { run: "7", ok: true, nested: { b: [1], a: "x" } },
  },
  { do: "add-files", package: 3, paths: ["a", "d/e.json"], text: "a", replace: false },
  { do: "add-files", package: 3, paths: ["a"], text: "b", replace: true },
  { do: "remove-file", package: 3, path: "d/e.json" },
  { do: "finalize", package: 3 },
  { do: "extend", package: 3, ms: 8 * day },
  { do: "hold", package: 3, case: "A-1" },
  { do: "create-package", key: null, retention_class: "raw-evidence", metadata: {} },
  { do: "add-files", package: 4, paths: ["d/ü\u2028.txt"], text: "c", replace: false },
  { do: "fail", package: 4 },
  { do: "create-package", key: null, retention_class: "transient", metadata: {} },
  { do: "wait", ms: 10 * day },
  { do: "sweep" },
  { do: "hold", package: 5, case: null },
  { do: "release-hold", hold: 0 },
  { do: "sweep" },
];

/** One after which every kind of event stands in the log but those of uploads in pieces. */
export const everyEvent: readonly Step[] = [
  ...fullHistory,
  { do: "attach", app: "acme", version: "2.0-rc+1", text: "b", arch: "x86_64", replace: true },
  { do: "set-app", app: "acme", changes: { visibility: "private" } },
  { do: "set-app", app: "acme", changes: { visibility: "public" } },
  { do: "set-channel", app: "acme", channel: "beta", changes: { retention_keep: 2 } },
  { do: "revoke-share" },
  { do: "revoke-token" },
  { do: "publish", app: "acme", version: "3.0", channel: "beta", texts: ["e"], skip: false },
  { do: "wait", ms: 30 * day },
  { do: "cleanup", apply: true },
];

/** Up to 40 steps, in a fresh store or in one that has something of everything. */
export const histories = fc
  .tuple(fc.boolean(), fc.array(step, { minLength: 5, maxLength: 40, size: "max" }))
  .map(([isFresh, steps]) => (isFresh ? steps : [...fullHistory, ...steps]));

/** Runs steps against a store. A refusal is an answer like any other; everything else that is thrown passes through. */
export class HistoryRun {
  readonly #store: TestStore;
  #token: (TokenRecord & { secret: string }) | undefined;
  #share: ShareRecord | undefined;
  readonly #packages: string[] = [];
  readonly #holds: HoldRecord[] = [];
  /** How often each kind of step did something, and how often it was refused. */
  readonly done = new Map<Step["do"], number>();

  constructor(store: TestStore) {
    this.#store = store;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of steps) {
      try {
        await this.#one(each);
        this.done.set(each.do, (this.done.get(each.do) ?? 0) + 1);
      } catch (error) {
        if (!(error instanceof DistError)) throw error;
      }
    }
  }

  async #one(each: Step): Promise<unknown> {
    const { registry, clock, store } = this.#store;
    switch (each.do) {
      case "create-app":
        return registry.createApp(each.app, {});
      case "set-app":
        return registry.updateApp(each.app, each.changes);
      case "publish": {
        const artifacts = await Promise.all(
          each.texts.map((text, index) => this.#upload(text, index === 0 ? "x86_64" : "arm64")),
        );
        const { app, version, channel } = each;
        const if_exists = each.skip ? "skip" : "fail";
        return this.#published(await registry.publish({ app, version, channel, artifacts, if_exists }));
      }
      case "draft":
        return registry.draftRelease(each);
      case "attach": {
        const artifact = await this.#upload(each.text, each.arch);
        return registry.attachArtifact(each.app, { release: each.version }, artifact, {
          replace: each.replace,
        });
      }
      case "publish-draft":
        return this.#published(
          await registry.publishDraft(
            each.app,
            { release: each.version },
            each.channel === undefined ? {} : { channel: each.channel },
          ),
        );
      case "set-channel":
        return registry.setChannel(each.app, each.channel, each.changes);
      case "promote":
        return registry.promote(each.app, each.channel, {
          release: each.version,
          rollout_percent: each.rollout,
        });
      case "rollback":
        return registry.rollback(each.app, each.channel, { reason: "why not" });
      case "revoke":
        return registry.revokeRelease(each.app, { release: each.version }, { reason: each.reason });
      case "create-token":
        this.#token = await registry.createToken({
          name: each.name,
          scopes: ["publish"],
          expires_in: each.expires,
        });
        return this.#token;
      case "use-token":
        return this.#token === undefined ? undefined : store.authenticate(this.#token.secret);
      case "revoke-token":
        return this.#token === undefined ? undefined : registry.revokeToken(this.#token.id);
      case "share":
        this.#share = await registry.createShare(each.app, { channel: each.channel });
        return this.#share;
      case "revoke-share":
        return this.#share === undefined ? undefined : registry.revokeShare(this.#share.app, this.#share.id);
      case "create-package":
      case "add-files":
      case "remove-file":
      case "finalize":
      case "fail":
        return this.#fill(each);
      case "hold":
      case "release-hold":
      case "extend":
      case "sweep":
        return this.#keep(each);
      case "upload":
        return registry.uploadObject(sourceOf(tarGzBytes(each.text)));
      case "cleanup":
        return registry.cleanupStore({ apply: each.apply });
      case "wait":
        return clock.advance(each.ms);
    }
  }

  async #fill(
    each: Extract<Step, { do: "create-package" | "add-files" | "remove-file" | "finalize" | "fail" }>,
  ): Promise<unknown> {
    const { registry } = this.#store;
    if (each.do === "create-package") {
      const { key, retention_class, metadata } = each;
      const made = await registry.createPackage({ kind: "run", key, retention_class, metadata });
      if (made.created) this.#packages.push(made.id);
      return made;
    }
    const id = this.#package(each.package);
    switch (each.do) {
      case "add-files": {
        const { sha256 } = await registry.uploadObject(sourceOf(tarGzBytes(each.text)));
        const files = each.paths.map((path) => ({ path, sha256 }));
        return registry.addPackageFiles(id, files, { replace: each.replace });
      }
      case "remove-file":
        return registry.removePackageFile(id, each.path);
      case "finalize":
        return registry.finalizePackage(id);
      case "fail":
        return registry.failPackage(id, { reason: "The run broke off." });
    }
  }

  async #keep(each: Extract<Step, { do: "hold" | "release-hold" | "extend" | "sweep" }>): Promise<unknown> {
    const { registry, clock } = this.#store;
    switch (each.do) {
      case "hold": {
        const request = { reason: "Dispute.", case: each.case };
        const hold = await registry.holdPackage(this.#package(each.package), request);
        this.#holds.push(hold);
        return hold;
      }
      case "release-hold": {
        const hold = roundIn(this.#holds, each.hold);
        return hold && registry.releaseHold(hold.package_id, hold.id, { reason: "Settled." });
      }
      case "extend":
        return registry.extendRetention(this.#package(each.package), {
          new_expires_at: toTimestamp(clock.nowMs() + each.ms),
          reason: "The audit asks for it.",
        });
      case "sweep":
        return registry.sweepRetention();
    }
  }

  /** The id of a package that was made; of none when none was. */
  #package(place: number): string {
    return roundIn(this.#packages, place) ?? "pkg_none";
  }

  #published(result: PublishResult): PublishResult {
    const id = result.release.package_id;
    if (!this.#packages.includes(id)) this.#packages.push(id);
    return result;
  }

  async #upload(text: string, arch: "x86_64" | "arm64"): Promise<ArtifactRequest> {
    const { sha256 } = await this.#store.registry.uploadObject(sourceOf(tarGzBytes(text)));
    return { platform: "linux", arch, filename: "acme.tar.gz", sha256 };
  }
}

function roundIn<T>(list: readonly T[], place: number): T | undefined {
  return list[place % list.length];
}
