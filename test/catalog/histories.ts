import fc from "fast-check";

import { DistError } from "../../src/base/errors.ts";
import type { ArtifactRequest, ShareRecord, TokenRecord } from "../../src/registry/records.ts";
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
const waits = fc.constantFrom(1, hour, 8 * 24 * hour, -2 * hour, 400 * 24 * hour);

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
        return registry.publish({
          app,
          version,
          channel,
          artifacts,
          if_exists: each.skip ? "skip" : "fail",
        });
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
        return registry.publishDraft(
          each.app,
          { release: each.version },
          each.channel === undefined ? {} : { channel: each.channel },
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
      case "upload":
        return registry.uploadObject(sourceOf(tarGzBytes(each.text)));
      case "cleanup":
        return registry.cleanupStore({ apply: each.apply });
      case "wait":
        return clock.advance(each.ms);
    }
  }

  async #upload(text: string, arch: "x86_64" | "arm64"): Promise<ArtifactRequest> {
    const { sha256 } = await this.#store.registry.uploadObject(sourceOf(tarGzBytes(text)));
    return { platform: "linux", arch, filename: "acme.tar.gz", sha256 };
  }
}
