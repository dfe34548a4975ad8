import { createHash } from "node:crypto";

import fc from "fast-check";
import { expect } from "vitest";

import { decodeCanonical } from "../../src/base/cbor.ts";
import { fromTimestamp } from "../../src/base/clock.ts";
import { addDuration } from "../../src/base/duration.ts";
import type { Reason } from "../../src/registry/records/store.ts";
import {
  outcomeOf,
  sourceOf,
  sqlOn,
  tarArtifact,
  tarGzBytes,
  testSettings,
  type TestStore,
} from "../support/test-store.ts";
import { isOpen, type ModelApp, type ModelPackage, RetentionModel, toText } from "./retention-model.ts";

const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** One act on packages and releases, as plain data. `pick` names one of those there are, counted round. */
export type Step =
  | { do: "create"; retentionClass: string; key: string | null }
  | { do: "add"; pick: number; paths: string[]; text: string; replace: boolean; brings: boolean }
  | { do: "remove"; pick: number; path: string }
  | { do: "finalize"; pick: number }
  | { do: "fail"; pick: number }
  | { do: "set-app"; app: number; keep: number; retentionClass: string | null }
  | { do: "set-channel"; app: number; channel: string; keep: number | null }
  | { do: "publish"; app: number; channel: string | null; text: string }
  | { do: "draft"; app: number }
  | { do: "attach"; pick: number; text: string }
  | { do: "publish-draft"; pick: number; channel: string | null }
  | { do: "promote"; pick: number; channel: string }
  | { do: "rollback"; app: number; channel: string }
  | { do: "revoke"; pick: number }
  | { do: "hold"; pick: number }
  | { do: "release-hold"; pick: number }
  | { do: "extend"; pick: number; ms: number }
  | { do: "wait"; ms: number }
  | { do: "sweep" }
  | { do: "cleanup"; apply: boolean };

const pick = fc.nat({ max: 11 });
const app = fc.constantFrom(0, 0, 0, 1);
const channel = fc.constantFrom("beta", "beta", "stable");
const maybeChannel = fc.option(channel, { nil: null, freq: 2 });
const text = fc.constantFrom("a", "b", "c");
const path = fc.constantFrom("a", "a", "b", "A", "d", "d/e");
const keep = fc.constantFrom(0, 2, 2, 3);

function stepOf<Do extends Step["do"]>(
  weight: number,
  name: Do,
  fields: {
    [Field in Exclude<keyof Extract<Step, { do: Do }>, "do">]: fc.Arbitrary<Extract<Step, { do: Do }>[Field]>;
  },
) {
  return {
    weight,
    arbitrary: fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Step>,
  };
}

const step = fc.oneof(
  stepOf(5, "create", {
    retentionClass: fc.constantFrom(
      "transient",
      "transient",
      "transient",
      "raw-evidence",
      "permanent-record",
    ),
    key: fc.option(fc.constantFrom("run:1", "run:2"), { nil: null, freq: 3 }),
  }),
  stepOf(7, "add", {
    pick,
    paths: fc.uniqueArray(path, { minLength: 1, maxLength: 2 }),
    text,
    replace: fc.boolean(),
    brings: fc.constantFrom(true, true, false),
  }),
  stepOf(1, "remove", { pick, path }),
  stepOf(4, "finalize", { pick }),
  stepOf(1, "fail", { pick }),
  stepOf(3, "set-app", { app, keep, retentionClass: fc.constantFrom(null, null, "transient") }),
  stepOf(2, "set-channel", { app, channel, keep: fc.constantFrom(null, 0, 2, 2, 3) }),
  stepOf(7, "publish", { app, channel: maybeChannel, text }),
  stepOf(1, "draft", { app }),
  stepOf(2, "attach", { pick, text }),
  stepOf(1, "publish-draft", { pick, channel: maybeChannel }),
  stepOf(3, "promote", { pick, channel }),
  stepOf(2, "rollback", { app, channel }),
  stepOf(2, "revoke", { pick }),
  stepOf(4, "hold", { pick }),
  stepOf(3, "release-hold", { pick }),
  stepOf(3, "extend", { pick, ms: fc.constantFrom(-HOUR_MS, HOUR_MS, 8 * DAY_MS, 200 * DAY_MS) }),
  stepOf(6, "wait", {
    ms: fc.constantFrom(
      1,
      HOUR_MS,
      25 * HOUR_MS,
      7 * DAY_MS,
      7 * DAY_MS,
      180 * DAY_MS,
      -HOUR_MS,
      -8 * DAY_MS,
    ),
  }),
  stepOf(5, "sweep", {}),
  stepOf(5, "cleanup", { apply: fc.boolean() }),
);

/** What a history may begin with: most of what can happen to packages needs some to be there. */
const beginnings: readonly (readonly Step[])[] = [
  [],
  [
    { do: "set-app", app: 0, keep: 2, retentionClass: null },
    { do: "publish", app: 0, channel: "beta", text: "a" },
    { do: "publish", app: 0, channel: "beta", text: "b" },
    { do: "publish", app: 0, channel: "beta", text: "c" },
  ],
  [
    { do: "set-app", app: 0, keep: 2, retentionClass: "transient" },
    { do: "publish", app: 0, channel: null, text: "a" },
    { do: "publish", app: 0, channel: null, text: "b" },
    { do: "publish", app: 0, channel: null, text: "b" },
    { do: "draft", app: 0 },
    { do: "attach", pick: 7, text: "a" },
    { do: "wait", ms: 7 * DAY_MS },
  ],
  [
    { do: "create", retentionClass: "transient", key: "run:1" },
    { do: "add", pick: 1, paths: ["a", "d/e"], text: "a", replace: false, brings: true },
    { do: "create", retentionClass: "transient", key: null },
    { do: "add", pick: 1, paths: ["b"], text: "a", replace: false, brings: false },
    { do: "finalize", pick: 1 },
    { do: "wait", ms: 7 * DAY_MS },
    { do: "sweep" },
  ],
];

export const historiesOf = (maxLength: number): fc.Arbitrary<Step[]> =>
  fc
    .tuple(fc.constantFrom(...beginnings), fc.array(step, { minLength: 3, maxLength, size: "max" }))
    .map(([beginning, steps]) => [...beginning, ...steps]);

/** Runs steps against a store and the model beside it, and compares them after each. */
export class RetentionRun {
  readonly #test: TestStore;
  readonly #model: RetentionModel;
  #versions = 0;
  readonly #seen: Set<string>;

  /** Adds to `seen` what happened, in words. */
  constructor(test: TestStore, seen: Set<string>) {
    this.#test = test;
    this.#model = new RetentionModel(test.clock.nowMs());
    this.#seen = seen;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const { slug } of this.#model.apps) await this.#test.registry.createApp(slug, {});
    await this.#catchUp();
    for (const each of steps) {
      const code = await this.#one(each);
      this.#seen.add(`${each.do} ${code}`);
      await this.#catchUp();
      await this.#expectAgreement();
    }
    await this.#finish();
  }

  // Steps -------------------------------------------------------------------------------------------------------------

  /** Does one thing in both, and answers how it went. */
  async #one(each: Step): Promise<string> {
    switch (each.do) {
      case "create":
        return this.#create(each);
      case "add":
      case "remove":
      case "finalize":
      case "fail":
        return this.#change(each);
      case "set-app":
      case "set-channel":
      case "publish":
      case "draft":
        return this.#inApp(each);
      case "attach":
      case "publish-draft":
      case "promote":
      case "revoke":
        return this.#onRelease(each);
      case "rollback": {
        const { slug, channels } = this.#app(each.app);
        const expected = this.#model.rollback(channels.get(each.channel));
        return this.#expectOutcome(this.#test.registry.rollback(slug, each.channel), expected);
      }
      case "hold":
      case "release-hold":
      case "extend":
        return this.#grant(each);
      case "wait":
        this.#test.clock.advance(each.ms);
        this.#model.nowMs += each.ms;
        return "ok";
      case "sweep":
        return this.#sweep();
      case "cleanup":
        return this.#cleanup(each.apply);
    }
  }

  async #create({ retentionClass, key }: Extract<Step, { do: "create" }>): Promise<string> {
    const request = { kind: "run", retention_class: retentionClass, key };
    const present = this.#model.keyed(key);
    if (present !== undefined && present.retentionClass !== retentionClass) {
      return this.#expectOutcome(this.#test.registry.createPackage(request), "transaction.integrity");
    }
    const made = await this.#test.registry.createPackage(request);
    expect(made.created).toBe(present === undefined);
    if (present === undefined)
      this.#born({ id: made.id, release: null, key, retentionClass }, made.created_at);
    else expect(made.id).toBe(present.id);
    return present === undefined ? "ok" : "the same";
  }

  async #change(each: Extract<Step, { do: "add" | "remove" | "finalize" | "fail" }>): Promise<string> {
    const { registry } = this.#test;
    const of = this.#pick(each.pick, isOpen);
    if (of === undefined) return "none";
    switch (each.do) {
      case "add": {
        const sha256 = each.brings ? await this.#upload(each.text) : digestOf(tarGzBytes(each.text));
        const files = each.paths.map((at) => ({ path: at, sha256 }));
        const expected = this.#model.add(of, each.paths, sha256, each.replace);
        return this.#expectOutcome(
          registry.addPackageFiles(of.id, files, { replace: each.replace }),
          expected,
        );
      }
      case "remove":
        return this.#expectOutcome(
          registry.removePackageFile(of.id, each.path),
          this.#model.remove(of, each.path),
        );
      case "finalize": {
        const expected = this.#model.finalizing(of);
        const outcome = await this.#expectOutcome(registry.finalizePackage(of.id), expected);
        if (outcome === "ok") await this.#finalized(of);
        return outcome;
      }
      case "fail":
        return this.#expectOutcome(
          registry.failPackage(of.id, { reason: "The run broke off." }),
          this.#model.fail(of),
        );
    }
  }

  async #inApp(
    each: Extract<Step, { do: "set-app" | "set-channel" | "publish" | "draft" }>,
  ): Promise<string> {
    const { registry } = this.#test;
    const of = this.#app(each.app);
    switch (each.do) {
      case "set-app":
        await registry.updateApp(of.slug, {
          retention_keep: each.keep,
          retention_class: each.retentionClass,
        });
        Object.assign(of, { keep: each.keep, retentionClass: each.retentionClass });
        return "ok";
      case "set-channel":
        await registry.setChannel(of.slug, each.channel, { retention_keep: each.keep });
        this.#model.channel(of, each.channel).keep = each.keep;
        return "ok";
      case "publish": {
        const artifacts = [tarArtifact(await this.#upload(each.text))];
        const request = { app: of.slug, version: this.#version(), channel: each.channel, artifacts };
        const { release } = await registry.publish(request);
        await this.#bornRelease(of, release.id, "published");
        this.#model.leasesMs.delete(artifacts[0]!.sha256);
        const made = this.#model.packages.at(-1)!;
        if (each.channel !== null) this.#model.promote(this.#model.channel(of, each.channel), made);
        await this.#finalized(made);
        return "ok";
      }
      case "draft": {
        const release = await registry.draftRelease({ app: of.slug, version: this.#version() });
        await this.#bornRelease(of, release.id, "draft");
        return "ok";
      }
    }
  }

  async #onRelease(
    each: Extract<Step, { do: "attach" | "publish-draft" | "promote" | "revoke" }>,
  ): Promise<string> {
    const { registry } = this.#test;
    const wanted = each.do === "attach" || each.do === "publish-draft" ? "draft" : "published";
    const of = this.#pick(
      each.pick,
      ({ status, release }) => status !== "deleted" && release?.status === wanted,
    );
    if (of === undefined || of.release === null) return "none";
    const { release } = of;
    const { slug, channels } = release.app;
    const ref = { release: release.id };
    switch (each.do) {
      case "attach": {
        const sha256 = await this.#upload(each.text);
        const attaching = registry.attachArtifact(slug, ref, tarArtifact(sha256), { replace: true });
        const isOpenDraft = of.status !== "deleted" && release.status === "draft";
        const outcome = await this.#expectOutcome(attaching, isOpenDraft ? "ok" : "package.not_open");
        if (outcome !== "ok") return outcome;
        const [before] = of.files.values();
        if (before !== sha256) release.touchedAtMs = this.#model.writeMs;
        await this.#readFiles(of);
        this.#model.leasesMs.delete(sha256);
        return before === sha256 ? "the same" : "ok";
      }
      case "publish-draft": {
        const publishing = registry.publishDraft(slug, ref, { channel: each.channel });
        const outcome = await this.#expectOutcome(publishing, publishingOf(of));
        if (outcome !== "ok" || release.status === "published") return outcome;
        release.status = "published";
        if (each.channel !== null) this.#model.promote(this.#model.channel(release.app, each.channel), of);
        await this.#finalized(of);
        return "ok";
      }
      case "promote":
        return this.#expectOutcome(
          registry.promote(slug, each.channel, ref),
          this.#model.promote(channels.get(each.channel), of),
        );
      case "revoke":
        return this.#expectOutcome(registry.revokeRelease(slug, ref), this.#model.revoke(of));
    }
  }

  async #grant(each: Extract<Step, { do: "hold" | "release-hold" | "extend" }>): Promise<string> {
    const { registry } = this.#test;
    if (each.do === "release-hold") {
      const { holds } = this.#model;
      const active = holds.filter(({ isActive }) => isActive);
      const hold = roundIn(isFitting(each.pick) ? active : holds, each.pick) ?? roundIn(holds, each.pick);
      if (hold === undefined) return "none";
      const releasing = registry.releaseHold(hold.of.id, hold.id, { reason: "Settled." });
      return this.#expectOutcome(releasing, this.#model.releaseHold(hold));
    }
    const of = this.#pick(each.pick, ({ status }) => status !== "deleted");
    if (of === undefined) return "none";
    if (each.do === "extend") {
      const untilMs = this.#model.nowMs + each.ms;
      const request = { new_expires_at: toText(untilMs), reason: "The audit asks for it." };
      return this.#expectOutcome(registry.extendRetention(of.id, request), this.#model.extend(of, untilMs));
    }
    const holding = registry.holdPackage(of.id, { reason: "Dispute." });
    if (of.status === "deleted") return this.#expectOutcome(holding, "package.deleted");
    this.#model.hold(of, (await holding).id);
    return "ok";
  }

  async #sweep(): Promise<string> {
    const expected = this.#model.sweep();
    const sweeping = this.#test.registry.sweepRetention();
    if (expected === "clock.skew") return this.#expectOutcome(sweeping, expected);
    const { marked, unmarked } = await sweeping;
    expect({ marked: marked.toSorted(), unmarked: unmarked.toSorted() }).toEqual({
      marked: expected.marked.toSorted(),
      unmarked: expected.unmarked.toSorted(),
    });
    for (const id of marked) this.#seen.add(`marks ${this.#kindOf(id)}`);
    for (const id of unmarked) this.#seen.add(`takes back ${this.#kindOf(id)}`);
    return "ok";
  }

  async #cleanup(apply: boolean): Promise<string> {
    const before = new Map(
      this.#model.live.map((each) => [nameOf(each), this.#model.reasons(each, this.#model.nowMs).toSorted()]),
    );
    const { packages, objects } = this.#model.cleanup(apply);
    const report = await this.#test.registry.cleanupStore({ apply });
    expect(report.deleted.map(({ id }) => id).toSorted()).toEqual(
      [...packages.map(nameOf), ...objects].toSorted(),
    );
    for (const [name, reasons] of before) {
      const said = report.reasons[name];
      // Of evidence that stays --apply says nothing.
      if (said !== undefined || !apply) expect(said!.map(reasonText).toSorted(), name).toEqual(reasons);
    }
    if (!apply) return "ok";
    for (const each of packages) this.#seen.add(`deletes ${this.#kindOf(each.id)}`);
    if (objects.length > 0) this.#seen.add("deletes bytes");
    await this.#expectBytes();
    return "ok";
  }

  // What the answers say, kept in the model ---------------------------------------------------------------------------

  #born(
    of: Pick<ModelPackage, "id" | "release" | "key" | "retentionClass">,
    createdAt: string,
  ): ModelPackage {
    const { writeMs } = this.#model;
    expect(createdAt).toBe(toText(writeMs));
    const period = of.retentionClass === null ? null : testSettings.retentionClasses[of.retentionClass]!;
    const born: ModelPackage = {
      ...of,
      classUntilMs: period === null ? null : addDuration(writeMs, period),
      status: "created",
      extensionsMs: [],
      holds: [],
      files: new Map(),
      manifest: null,
      marks: [],
    };
    this.#model.packages.push(born);
    return born;
  }

  async #bornRelease(of: ModelApp, id: string, status: "draft" | "published"): Promise<void> {
    const { package_id, created_at } = await this.#test.registry.getRelease(of.slug, { release: id });
    const package_ = await this.#test.registry.getPackage(package_id);
    const createdAtMs = fromTimestamp(created_at);
    const release = { id, app: of, createdAtMs, touchedAtMs: createdAtMs, status };
    const { retentionClass } = of;
    const born = this.#born({ id: package_id, release, key: null, retentionClass }, package_.created_at);
    await this.#readFiles(born);
  }

  /** A release's paths are made of its artifacts. */
  async #readFiles(of: ModelPackage): Promise<void> {
    of.files.clear();
    const { items } = await this.#test.registry.listPackageFiles(of.id);
    for (const file of items) of.files.set(file.path, file.sha256);
    if (items.length > 0 && of.status === "created") of.status = "uploading";
  }

  async #finalized(of: ModelPackage): Promise<void> {
    const { manifest_sha256, finalized_at } = await this.#test.registry.getPackage(of.id);
    if (of.manifest !== null) expect(manifest_sha256).toBe(of.manifest);
    else expect(finalized_at).toBe(toText(this.#model.writeMs));
    of.manifest = manifest_sha256!;
    of.status = "finalized";
    this.#model.stored.add(manifest_sha256!);
  }

  async #upload(of: string): Promise<string> {
    const { sha256 } = await this.#test.registry.uploadObject(sourceOf(tarGzBytes(of)));
    this.#model.upload(sha256);
    bytesByDigest.set(sha256, tarGzBytes(of));
    return sha256;
  }

  async #catchUp(): Promise<void> {
    const { items } = await this.#test.registry.listAudit({ limit: 1 });
    this.#model.lastEventMs = fromTimestamp(items[0]!.created_at);
  }

  /** A package; mostly one that the act is meant for. */
  #pick(place: number, isMeant: (each: ModelPackage) => boolean): ModelPackage | undefined {
    const { packages } = this.#model;
    return roundIn(isFitting(place) ? packages.filter(isMeant) : packages, place) ?? roundIn(packages, place);
  }

  #app(place: number): ModelApp {
    return this.#model.apps[place]!;
  }

  #version(): string {
    this.#versions += 1;
    return `1.${this.#versions}`;
  }

  #kindOf(id: string): string {
    const { release } = this.#model.packages.find((each) => each.id === id)!;
    return release === null ? "evidence" : release.status;
  }

  async #expectOutcome(call: Promise<unknown>, expected: string): Promise<string> {
    expect(await outcomeOf(call)).toBe(expected);
    return expected;
  }

  // Comparisons -------------------------------------------------------------------------------------------------------

  /** The store says of every package what the model says. */
  async #expectAgreement(): Promise<void> {
    const { nowMs } = this.#model;
    for (const each of this.#model.packages) {
      const said = await this.#test.registry.getRetention(each.id);
      const reasons = this.#model.reasons(each, nowMs);
      expect(said.reasons.map(reasonText).toSorted(), each.id).toEqual(reasons.toSorted());
      for (const reason of reasons) this.#seen.add(reason.split(" ")[0]!);
      const untilMs = Math.max(each.classUntilMs ?? 0, ...each.extensionsMs);
      expect(said).toMatchObject({
        retention_class: each.retentionClass,
        current_expires_at: untilMs === 0 ? null : toText(untilMs),
        eligible_for_deletion: this.#model.mayGo(each, nowMs),
        holds: each.holds.filter(({ isActive }) => isActive).map(({ id }) => ({ id })),
      });
      expect(said.marked_at !== null, each.id).toBe(this.#model.isMarked(each));
    }
    await this.#expectLists();
  }

  /** What the list of what may go holds: all such evidence, and of releases none that may not. */
  async #expectLists(): Promise<void> {
    const { items } = await this.#test.registry.listPackages({ eligible: true, limit: 1000 });
    const mayGo = this.#model.live.filter((each) => this.#model.mayGo(each, this.#model.nowMs));
    const evidence = mayGo.filter(({ release }) => release === null).map(({ id }) => id);
    expect(
      items
        .filter(({ app: of }) => of === null)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(evidence.toSorted());
    const listed = items.map(({ id }) => id);
    expect(listed.filter((id) => !mayGo.some((each) => each.id === id))).toEqual([]);
  }

  /** Every live package's files and manifest can be read, and are what they were; the deleted ones' are gone. */
  async #expectBytes(): Promise<void> {
    const { registry } = this.#test;
    for (const each of this.#model.packages) {
      expect(await registry.getPackage(each.id)).toMatchObject({
        status: each.status,
        manifest_sha256: each.manifest,
        file_count: each.files.size,
      });
      const { items } = await registry.listPackageFiles(each.id);
      expect(new Map(items.map((file) => [file.path, file.sha256])), each.id).toEqual(each.files);
      for (const [at, sha256] of each.files) {
        if (each.status === "deleted") {
          expect(await outcomeOf(registry.openPackageFile(each.id, at)), each.id).toBe("package.deleted");
          continue;
        }
        const opened = await registry.openPackageFile(each.id, at);
        const bytes = await Array.fromAsync((await opened.read()) as AsyncIterable<Uint8Array>);
        expect(Buffer.concat(bytes).equals(bytesByDigest.get(sha256)!), `${each.id} ${at}`).toBe(true);
      }
      if (each.manifest !== null) await this.#expectManifest(each, each.manifest);
    }
  }

  async #expectManifest(of: ModelPackage, sha256: string): Promise<void> {
    const bytes = await this.#test.registry.packageManifest(of.id);
    expect(digestOf(bytes), of.id).toBe(sha256);
    const { files } = decodeCanonical(bytes) as unknown as {
      files: { path: string; digests: { sha256: Uint8Array } }[];
    };
    const listed = files.map(({ path: at, digests }) => [at, Buffer.from(digests.sha256).toString("hex")]);
    expect(listed, of.id).toEqual([...of.files].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** At the end, when all leases have run out, a cleanup leaves exactly what is needed, and the log tells the same story. */
  async #finish(): Promise<void> {
    const { registry, clock } = this.#test;
    const ms = Math.max(0, this.#model.lastEventMs - this.#model.nowMs) + 25 * HOUR_MS;
    clock.advance(ms);
    this.#model.nowMs += ms;
    await this.#cleanup(true);
    await this.#catchUp();
    await this.#sweep();
    await this.#catchUp();
    await this.#expectAgreement();
    for (const { id, marks } of this.#model.packages) {
      const { items } = await registry.retentionHistory(id, { limit: 1000 });
      const deletions = items
        .map(({ type }) => type)
        .filter((type) => type.startsWith("v1.retention.deletion"));
      expect(deletions, id).toEqual(marks);
    }
    const rows = sqlOn(this.#test, "SELECT sha256 FROM storage_location ORDER BY sha256");
    expect(rows.map(({ sha256 }) => sha256)).toEqual([...this.#model.stored].toSorted());
    expect(await registry.verifyStore()).toMatchObject({ ok: true, problems: [], collectable: [] });
    expect(await registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
  }
}

/** The few texts there are, by digest. */
const bytesByDigest = new Map<string, Uint8Array>();

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What a cleanup calls it. */
function nameOf({ id, release }: ModelPackage): string {
  return release?.id ?? id;
}

/** What the publication of a draft answers. */
function publishingOf({ status, files, release }: ModelPackage): string {
  if (status === "deleted") return "release.not_published";
  if (release!.status === "revoked") return "release.revoked";
  return files.size === 0 ? "release.empty" : "ok";
}

function reasonText({ rule, ref, until }: Reason): string {
  return [rule, ref, until].filter((part) => part !== null).join(" ");
}

/** Three picks in four are of what an act is meant for, the others of anything. */
function isFitting(place: number): boolean {
  return place % 4 !== 0;
}

function roundIn<T>(list: readonly T[], place: number): T | undefined {
  return list[place % list.length];
}
