import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { openStore } from "../../src/registry/open-store.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import type { AppChanges } from "../../src/registry/records/apps.ts";
import type { ArtifactRequest, PublishRequest } from "../../src/registry/records/releases.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { DEMOS_SIGNER, demosApk, uploadApk } from "../support/acme-apk.ts";
import { needs } from "../support/required-tools.ts";
import { type SignedApks, signedApks } from "../support/signed-apk.ts";
import {
  actionsOf,
  eventsDuring,
  eventsOf,
  leasedDigests,
  openTestStore,
  outcomeOf,
  RunningClock,
  sqlOn,
  type TestStore,
} from "../support/test-store.ts";

const ROUNDS = 5;
const ref = { release: "1.4" };

needs("apksigner", "openssl")("who may sign an app", () => {
  let apks: SignedApks;
  let test: TestStore;
  beforeAll(async () => {
    apks = await signedApks();
  });
  beforeEach(async () => {
    test = await openTestStore({ clock: new RunningClock() });
  });
  afterEach(() => test.close());

  async function publish(bytes: Buffer, head: Partial<PublishRequest> = {}, registry = test.registry) {
    const artifacts = head.artifacts ?? [await uploadApk(registry, bytes)];
    return registry.publish({
      app: "acme",
      version: "1.4",
      build: "42",
      channel: "beta",
      ...head,
      artifacts,
    });
  }

  const attach = async (bytes: Buffer, changes: Partial<ArtifactRequest> = {}) =>
    test.registry.attachArtifact("acme", ref, await uploadApk(test.registry, bytes, changes));

  const pins = async () => (await test.registry.getApp("acme")).identity_constraints;
  const pinnedTo = (...signers: string[]) => ({ android_apk: signers });
  const moved: AppChanges = { unpin: ["android_apk"], reason: "The key was lost." };
  const moveTo = (signer: string) => test.registry.updateApp("acme", { ...moved, pin: pinnedTo(signer) });

  /** The refusal of a signer, and that it left nothing. */
  async function expectStranger(work: () => Promise<unknown>, found: readonly string[], pinned: string) {
    const events = await eventsDuring(test.registry, async () => {
      await expect(work()).rejects.toMatchObject({
        code: "validation.signer_changed",
        message: expect.stringContaining(pinned),
        details: {
          finding: "validation.signer_changed",
          pinned: [pinned],
          found: found.map((id) => ({ id })),
        },
      });
    });
    expect(actionsOf(events).filter((action) => action !== "object.stored")).toEqual([]);
    expect(leasedDigests(test)).toEqual([]);
  }

  describe("at first use", () => {
    it("is whoever signed the first file, recorded with the release; the next by the same changes nothing", async () => {
      let first: Awaited<ReturnType<typeof publish>> | undefined;
      const demos = await demosApk();
      const events = await eventsDuring(test.registry, async () => {
        first = await publish(demos, { version: "5.0.0", build: "25" });
      });
      expect(actionsOf(events)).toEqual([
        "object.stored",
        "object.stored",
        "object.stored",
        "app.created",
        "channel.created",
        "app.identity_changed",
        "package.created",
        "release.drafted",
        "package.file_added",
        "artifact.validated",
        "package.finalized",
        "release.published",
        "channel.promoted",
      ]);
      expect(events[5]).toMatchObject({
        target_id: first!.app.id,
        actor: "local:tester",
        metadata: { pins: pinnedTo(DEMOS_SIGNER), reason: null, release_id: first!.release.id },
      });
      expect(first!.artifacts[0]).toMatchObject({
        validation_status: "passed",
        findings: [{ code: "validation.debuggable", severity: "warning" }],
      });
      const again = await eventsDuring(test.registry, () =>
        publish(demos, { version: "5.0.1", build: "25" }),
      );
      expect(actionsOf(again)).not.toContain("app.identity_changed");
      expect(await pins()).toEqual(pinnedTo(DEMOS_SIGNER));
    });

    it("another, or nobody, is refused, naming both, and nothing is left of it", async () => {
      await publish(apks.old);
      const before = await test.registry.getChannel("acme", "beta");
      const next = { version: "1.5" };
      await expectStranger(() => publish(apks.other, next), [apks.otherSigner], apks.oldSigner);
      await expectStranger(() => publish(apks.unsigned, next), [], apks.oldSigner);
      expect(await test.registry.getChannel("acme", "beta")).toEqual(before);
      expect((await test.registry.listReleases("acme")).items).toHaveLength(1);
      expect((await publish(apks.old, next)).status).toBe("published");
    });

    it("who proves to have taken over from the first is taken, without a change of pins", async () => {
      await publish(apks.old);
      await publish(apks.rotated, { version: "1.5" });
      expect(await pins()).toEqual(pinnedTo(apks.oldSigner));
      const release = await test.registry.getRelease("acme", { release: "1.5" });
      expect(release.artifacts[0]!.metadata).toMatchObject({
        inspection: { identity: { signers: [{ lineage: [apks.oldSigner], verified: true }] } },
      });
    });

    it("nobody, where any of the platform's files is not signed; all who signed, where all are", async () => {
      const both = async (second: Buffer) => [
        await uploadApk(test.registry, apks.old, { arch: "arm64" }),
        await uploadApk(test.registry, second, { arch: "x86_64" }),
      ];
      await publish(apks.old, { artifacts: await both(apks.unsigned) });
      expect(await pins()).toEqual({});
      await publish(apks.old, { version: "1.5", artifacts: await both(apks.other) });
      expect(await pins()).toEqual(pinnedTo(apks.oldSigner, apks.otherSigner));
    });

    it("nobody, where an app pins by hand", async () => {
      await test.registry.createApp("acme", { signer_pinning: "manual" });
      await publish(apks.old);
      await publish(apks.other, { version: "1.5" });
      expect(await pins()).toEqual({});
    });

    it("is one, when two come first at once", async () => {
      const { directory, settings, storage, clock } = test;
      const other = await openStore({ directory, create: false, settings, storage, clock });
      const nodes = [test.registry, other.as(localPrincipal("other"))] as const;
      const files = [apks.old, apks.other] as const;
      const signers = [apks.oldSigner, apks.otherSigner];
      const attempt = (index: 0 | 1, app: string) =>
        outcomeOf(publish(files[index], { app, version: `1.${index}` }, nodes[index]));
      for (let round = 0; round < ROUNDS; round += 1) {
        const app = `acme-${round}`;
        const outcomes = await Promise.all([attempt(0, app), attempt(1, app)]);
        const won = outcomes.indexOf("ok") as 0 | 1;
        const lost = won === 0 ? 1 : 0;
        expect(["package.changed", "validation.signer_changed"]).toContain(outcomes[lost]);
        expect(await attempt(lost, app)).toBe("validation.signer_changed");
        const { identity_constraints: pinned } = await test.registry.getApp(app);
        expect(pinned).toEqual(pinnedTo(signers[won]!));
        expect((await test.registry.listReleases(app)).items).toHaveLength(1);
      }
      await other.close();
      expect(await test.registry.verifyStore()).toMatchObject({ ok: true });
    });
  });

  describe("changed by an administrator", () => {
    it("with a reason, is taken from then on, and the former is not", async () => {
      await publish(apks.old);
      expect(await outcomeOf(test.registry.updateApp("acme", { unpin: ["android_apk"] }))).toBe(
        "app.reason_required",
      );
      for (const scopes of [["publish"], ["promote"], ["read"]] as const) {
        const outcome = await outcomeOf(test.as(scopes).updateApp("acme", moved));
        expect(outcome).toBe("auth.missing_scope");
      }
      const [event, ...more] = await eventsDuring(test.registry, () => moveTo(apks.otherSigner));
      expect(more).toEqual([]);
      expect(event).toMatchObject({
        action: "app.identity_changed",
        actor: "local:tester",
        metadata: { pins: pinnedTo(apks.otherSigner), reason: "The key was lost.", release_id: null },
      });
      const next = { version: "1.5" };
      await expectStranger(() => publish(apks.old, next), [apks.oldSigner], apks.otherSigner);
      expect((await publish(apks.other, next)).status).toBe("published");
      // A rotation that began with the former key is no longer one of theirs.
      expect(await outcomeOf(publish(apks.rotated, { version: "1.6" }))).toBe("validation.signer_changed");
    });

    // What was looked at under other pins must not be committed under these.
    it("while a file is looked at: it is looked at again", async () => {
      await publish(apks.old);
      const artifacts = [await uploadApk(test.registry, apks.old)];
      afterTheLook(() => pinBehind(apks.otherSigner));
      const next = { version: "1.5", artifacts };
      expect(await outcomeOf(publish(apks.old, next))).toBe("package.changed");
      expect(leasedDigests(test)).toEqual([artifacts[0]!.sha256]);
      expect(await outcomeOf(publish(apks.old, next))).toBe("validation.signer_changed");
    });
  });

  describe("of a draft", () => {
    beforeEach(async () => {
      await publish(apks.old, { version: "1.0" });
      await test.registry.draftRelease({ app: "acme", version: "1.4", build: "42", channel: "beta" });
    });

    const publishDraft = (registry: Registry = test.registry) => registry.publishDraft("acme", ref);

    it("a stranger is recorded as failed and refused; once pinned, the same bytes are attached again", async () => {
      const failed = await attach(apks.other);
      expect(failed.artifacts).toMatchObject([
        { validation_status: "failed", findings: [{ code: "validation.signer_changed" }] },
      ]);
      await expectStranger(publishDraft, [apks.otherSigner], apks.oldSigner);
      await moveTo(apks.otherSigner);
      // What is recorded says that it failed.
      expect(await outcomeOf(publishDraft())).toBe("validation.signer_changed");
      const healed = await attach(apks.other);
      expect(healed.artifacts).toMatchObject([{ validation_status: "passed", findings: [] }]);
      expect((await publishDraft()).status).toBe("published");
    });

    it("is judged by what is pinned when it is published", async () => {
      await attach(apks.old);
      await moveTo(apks.otherSigner);
      await expectStranger(publishDraft, [apks.oldSigner], apks.otherSigner);
      await moveTo(apks.oldSigner);
      expect((await publishDraft()).status).toBe("published");
    });

    it("who is a stranger to what is pinned now, too, is told so", async () => {
      await attach(apks.other);
      await moveTo(DEMOS_SIGNER);
      await expectStranger(publishDraft, [apks.otherSigner], DEMOS_SIGNER);
    });

    it("changed while it is published: it is judged again", async () => {
      await attach(apks.old);
      afterTheLook(() => pinBehind(apks.otherSigner));
      expect(await outcomeOf(publishDraft())).toBe("package.changed");
      expect(await outcomeOf(publishDraft())).toBe("validation.signer_changed");
    });

    it("of an app without pins is the first to be pinned", async () => {
      await test.registry.updateApp("acme", moved);
      await attach(apks.other);
      const events = await eventsDuring(test.registry, publishDraft);
      expect(actionsOf(events)).toEqual([
        "object.stored",
        "app.identity_changed",
        "package.finalized",
        "release.published",
        "channel.promoted",
      ]);
      const { id } = await test.registry.getRelease("acme", ref);
      expect(events[1]!.metadata).toMatchObject({ pins: pinnedTo(apks.otherSigner), release_id: id });
    });
  });

  describe("and what it is called", () => {
    it("another package than the app's is refused", async () => {
      await test.registry.createApp("acme", { bundle_ids: { android_apk: "org.example.acme" } });
      await expect(publish(apks.renamed)).rejects.toMatchObject({
        code: "validation.failed",
        details: { finding: "validation.bundle_id_mismatch" },
      });
      expect(await pins()).toEqual({});
      expect((await publish(apks.old)).status).toBe("published");
      await test.registry.draftRelease({ app: "acme", version: "2" });
      const artifact = await uploadApk(test.registry, apks.old);
      await test.registry.attachArtifact("acme", { release: "2" }, artifact);
      await test.registry.updateApp("acme", { bundle_ids: { android_apk: "org.example.other" } });
      await expect(test.registry.publishDraft("acme", { release: "2" })).rejects.toMatchObject({
        code: "validation.failed",
        details: { finding: "validation.bundle_id_mismatch" },
      });
    });

    it("another version or build than the file's is shown, and no more", async () => {
      const codes = async (head: Partial<PublishRequest>) =>
        (await publish(apks.old, head)).artifacts[0]!.findings.map(({ code, severity }) => [code, severity]);
      expect(await codes({})).toEqual([]);
      expect(await codes({ version: "1.5" })).toEqual([["validation.version_differs", "warning"]]);
      expect(await codes({ build: "43" })).toEqual([["validation.build_differs", "warning"]]);
    });
  });

  it("stands in the log: views made of it anew are the same", async () => {
    await publish(apks.old);
    await moveTo(apks.otherSigner);
    await test.registry.draftRelease({ app: "acme", version: "2" });
    const artifact = await uploadApk(test.registry, apks.old);
    await test.registry.attachArtifact("acme", { release: "2" }, artifact);
    expect(await test.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
    expect(await pins()).toEqual(pinnedTo(apks.otherSigner));
    const events = await eventsOf(test.registry, { action: "app.identity_changed" });
    expect(events).toHaveLength(2);
  });

  /** Calls `change` when the clock is read next: a publication has read its app by then, and committed nothing. */
  function afterTheLook(change: () => void): void {
    const nowMs = test.clock.nowMs.bind(test.clock);
    test.clock.nowMs = () => {
      test.clock.nowMs = nowMs;
      change();
      return nowMs();
    };
  }

  /** Another process's change of pins, as far as this one sees it. */
  function pinBehind(signer: string): void {
    sqlOn(test, "UPDATE app SET identity_constraints = ?", JSON.stringify(pinnedTo(signer)));
  }
});
