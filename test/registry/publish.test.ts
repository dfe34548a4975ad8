import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { decodeCanonical } from "../../src/base/cbor.ts";
import {
  actionsOf,
  bytesOf,
  eventsDuring,
  eventsOf,
  leasedDigests,
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  tarArtifact,
  tarGzBytes,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const stored = (events: readonly { action: string }[]) =>
  events.filter(({ action }) => action === "object.stored").length;

describe("a publication's events", () => {
  const released = [
    "release.drafted",
    "package.file_added",
    "artifact.validated",
    "package.finalized",
    "release.published",
    "channel.promoted",
  ];

  it("makes app, channel, package and release in the documented order, in one transaction", async () => {
    const sha256 = await uploadTar(test.registry, "one");
    const events = await eventsDuring(test.registry, () =>
      test.registry.publish({
        app: "acme",
        version: "1",
        channel: "beta",
        artifacts: [tarArtifact(sha256)],
      }),
    );
    expect(actionsOf(events)).toEqual([
      "object.stored",
      "app.created",
      "channel.created",
      "package.created",
      ...released,
    ]);
    expect(new Set(events.slice(1).map(({ created_at }) => created_at)).size).toBe(1);
    expect(events.map(({ id }) => id - events[0]!.id)).toEqual(events.map((_, index) => index));
  });

  it("applies the app's retention class right behind the package", async () => {
    await test.registry.createApp("acme", { retention_class: "transient" });
    const events = await eventsDuring(test.registry, () =>
      publishTar(test.registry, { version: "1", channel: "beta" }),
    );
    expect(actionsOf(events)).toEqual([
      "object.stored",
      "object.stored",
      "channel.created",
      "package.created",
      "retention.default_applied",
      ...released,
    ]);
    const applied = events.find(({ action }) => action === "retention.default_applied")!;
    expect(applied.metadata["expires_at"]).toBe("2026-11-27T15:00:00.000Z");
  });

  it("counts the class's period from the package's creation, however long the transaction waited", async () => {
    await test.registry.createApp("acme", { retention_class: "transient" });
    const frozen = test.clock.nowMs.bind(test.clock);
    let readings = 0;
    test.clock.nowMs = () => frozen() + 1000 * readings++;
    const events = await eventsDuring(test.registry, () => publishTar(test.registry, { version: "1" }));
    const metadataOf = (action: string) => events.find((event) => event.action === action)!.metadata;
    const createdAt = Date.parse(String(metadataOf("package.created")["created_at"]));
    const expiresAt = Date.parse(String(metadataOf("retention.default_applied")["expires_at"]));
    expect(expiresAt - createdAt).toBe(7 * 24 * 3600 * 1000);
  });

  it("validates every artifact of one release behind one list of files", async () => {
    const digests = [await uploadTar(test.registry, "x"), await uploadTar(test.registry, "y")];
    const events = await eventsDuring(test.registry, () =>
      test.registry.publish({
        app: "acme",
        version: "1",
        artifacts: [
          tarArtifact(digests[0]!, { arch: "x86_64" }),
          tarArtifact(digests[1]!, { arch: "arm64" }),
        ],
      }),
    );
    expect(actionsOf(events).slice(3)).toEqual([
      "release.drafted",
      "package.file_added",
      "artifact.validated",
      "artifact.validated",
      "package.finalized",
      "release.published",
    ]);
  });
});

describe("the answer of a publication", () => {
  it("has exactly the documented keys", async () => {
    await publishTar(test.registry, { version: "1", channel: "beta" });
    const before = (await test.registry.getChannel("acme", "beta")).current_release_id;
    const url = expect.stringMatching(test.storage.kind === "s3" ? /^s3:\/\// : /^file:/);
    const result = await publishTar(test.registry, { version: "2", build: "7", channel: "beta" });
    expect(result).toStrictEqual({
      status: "published",
      app: { id: expect.stringMatching(/^app_/), slug: "acme" },
      release: {
        id: expect.stringMatching(/^rel_/),
        package_id: expect.stringMatching(/^pkg_/),
        version: "2",
        build: "7",
        channel: "beta",
        manifest_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        published_at: "2026-11-20T15:00:00.000Z",
        url,
      },
      artifacts: [
        {
          id: expect.stringMatching(/^art_/),
          platform: "linux",
          arch: "universal",
          format: "tar",
          filename: "acme.tar.gz",
          content_type: "application/gzip",
          size_bytes: tarGzBytes("2").length,
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          blake3: expect.stringMatching(/^[0-9a-f]{64}$/),
          storage_key: result.artifacts[0]!.sha256,
          validation_status: "passed",
          findings: [],
          url,
        },
      ],
      channel: { name: "beta", current_release_id: result.release.id, previous_release_id: before },
    });
  });

  it("names no channel when none was asked for", async () => {
    const { channel, release } = await publishTar(test.registry, { version: "1" });
    expect([channel, release.channel, release.build]).toEqual([null, null, ""]);
  });

  it("answers a refused promotion beside the published release", async () => {
    await test.registry.createApp("acme", {});
    await test.registry.setChannel("acme", "stable", { policy: { promote: "manual" } });
    const { status, channel, release } = await publishTar(test.registry, { version: "1", channel: "stable" });
    expect(status).toBe("published");
    expect(channel).toStrictEqual({
      name: "stable",
      promoted: false,
      refusal: {
        code: "channel.policy_refused",
        message: expect.any(String),
        details: { rule: "manual", channel: "stable" },
      },
      current_release_id: null,
    });
    expect(await test.registry.getRelease("acme", { release: "1" })).toMatchObject({
      id: release.id,
      status: "published",
      channel: "stable",
      current_in: [],
    });
  });

  it("leaves every setting of the channel as it was", async () => {
    await test.registry.createApp("acme", {});
    const settings = { policy: { require_validation: true }, retention_keep: 5 };
    const before = await test.registry.setChannel("acme", "beta", settings);
    await publishTar(test.registry, { version: "1", channel: "beta" });
    const after = await test.registry.getChannel("acme", "beta");
    expect([after.policy, after.retention_keep, after.rollout_percent]).toEqual([before.policy, 5, 100]);
  });
});

describe("the manifest", () => {
  it("is canonical CBOR with exactly the documented keys, under its own digest", async () => {
    const { release, artifacts } = await publishTar(test.registry, { version: "1.0", build: "9" });
    const bytes = await bytesOf(test.registry, release.manifest_sha256!);
    const [file] = artifacts;
    expect(decodeCanonical(bytes)).toEqual({
      schema: "dist.manifest.v1",
      package_id: release.package_id,
      kind: "release",
      created_at: "2026-11-20T15:00:00.000Z",
      finalized_at: "2026-11-20T15:00:00.000Z",
      producer: null,
      subject: "acme",
      metadata: { version: "1.0", build: "9" },
      retention_class: null,
      files: [
        {
          path: "linux/universal/acme.tar.gz",
          size: file!.size_bytes,
          media_type: "application/gzip",
          digests: {
            sha256: new Uint8Array(Buffer.from(file!.sha256, "hex")),
            blake3: new Uint8Array(Buffer.from(file!.blake3, "hex")),
          },
        },
      ],
    });
  });
});

describe("bytes", () => {
  it("are stored once: a second release of the same bytes adds only its manifest", async () => {
    const first = await eventsDuring(test.registry, () =>
      publishTar(test.registry, { version: "1", text: "same" }),
    );
    const second = await eventsDuring(test.registry, () =>
      publishTar(test.registry, { version: "2", text: "same" }),
    );
    expect([stored(first), stored(second)]).toEqual([2, 1]);
  });

  it("need no second upload by somebody who may read a release that has them", async () => {
    const published = await publishTar(test.registry, { version: "1" });
    const { sha256 } = published.artifacts[0]!;
    await test
      .as(["publish"], { name: "other" })
      .publish({ app: "other", version: "1", artifacts: [tarArtifact(sha256)] });
    const reupload = await test.as(["publish"], { name: "third" }).uploadObject(sourceOf(tarGzBytes("1")));
    expect([reupload.existed, reupload.sha256]).toEqual([true, sha256]);
  });

  it("of a private app are not known to somebody who may not read it, though stored once", async () => {
    await test.registry.createApp("secret", { visibility: "private" });
    const { artifacts } = await publishTar(test.registry, { app: "secret", version: "1" });
    const stranger = test.as(["publish"], { app: "acme", name: "stranger" });
    const { sha256 } = artifacts[0]!;
    const request = { app: "acme", version: "1", artifacts: [tarArtifact(sha256)] };
    await expect(stranger.publish(request)).rejects.toMatchObject({ code: "object.missing" });
    const events = await eventsDuring(test.registry, async () => {
      expect((await stranger.uploadObject(sourceOf(tarGzBytes("1")))).existed).toBe(false);
    });
    expect(events).toEqual([]);
    expect(await outcomeOf(stranger.publish(request))).toBe("ok");
  });

  it("on another token's lease are missing: the answer lists them and both leases stay", async () => {
    const theirs = await uploadTar(test.as(["publish"], { name: "one" }), "theirs");
    const two = test.as(["publish"], { name: "two" });
    const own = await uploadTar(two, "own");
    const request = {
      app: "acme",
      version: "1",
      artifacts: [
        tarArtifact(own),
        tarArtifact(theirs, { arch: "arm64" }),
        tarArtifact(theirs, { arch: "x86" }),
      ],
    };
    await expect(two.publish(request)).rejects.toMatchObject({
      code: "object.missing",
      kind: "conflict",
      details: { missing: [theirs] },
    });
    expect(leasedDigests(test)).toEqual([theirs, own].toSorted());
    await uploadTar(two, "theirs");
    expect(await outcomeOf(two.publish(request))).toBe("ok");
    // What `one` uploaded is still its own to publish.
    expect(leasedDigests(test)).toEqual([theirs]);
  });

  it("are missing when their lease ran out", async () => {
    const publisher = test.as(["publish"]);
    const sha256 = await uploadTar(publisher, "late");
    test.clock.advance(24 * 3600 * 1000);
    const request = { app: "acme", version: "1", artifacts: [tarArtifact(sha256)] };
    expect(await outcomeOf(publisher.publish(request))).toBe("object.missing");
  });
});

describe("a refused publication", () => {
  it.each([
    ["not what its name says", { filename: "acme.deb" }, {}, "validation.failed"],
    ["of no known format", { filename: "acme.txt" }, {}, "validation.failed"],
    ["of another size than declared", { size: 3 }, {}, "validation.size_mismatch"],
    ["with a bad file name", { filename: "../acme.tar.gz" }, {}, "release.invalid_filename"],
    ["with an impossible version", {}, { version: "a/b" }, "release.invalid_version"],
    ["with metadata of the registry's own", {}, { metadata: { build: "1" } }, "release.invalid_metadata"],
    ["with metadata that has no encoding", {}, { metadata: { a: "\ud800" } }, "encoding.unsupported_value"],
  ])("%s publishes nothing and frees its leases", async (_, artifact, head, code) => {
    const publisher = test.as(["publish"]);
    const sha256 = await uploadTar(publisher, "x");
    const other = await uploadTar(test.as(["publish"], { name: "other" }), "y");
    const request = { app: "acme", version: "1", artifacts: [tarArtifact(sha256, artifact)], ...head };
    await expect(publisher.publish({ ...request, channel: "beta" })).rejects.toMatchObject({ code });
    expect(leasedDigests(test)).toEqual([other]);
    expect(new Set(actionsOf(await eventsOf(test.registry)))).toEqual(new Set(["object.stored"]));
  });

  it("names what inspection found", async () => {
    const sha256 = await uploadTar(test.registry, "x");
    const request = { app: "acme", version: "1", artifacts: [tarArtifact(sha256, { filename: "a.deb" })] };
    await expect(test.registry.publish(request)).rejects.toMatchObject({
      code: "validation.failed",
      kind: "invalid",
      details: {
        finding: "validation.content_mismatch",
        artifacts: [{ platform: "linux", filename: "a.deb", findings: [{ severity: "error" }] }],
      },
    });
  });

  it("for a platform that the app does not take", async () => {
    await test.registry.createApp("acme", { allowed_platforms: ["ios"] });
    await expect(publishTar(test.registry, { version: "1" })).rejects.toMatchObject({
      code: "app.platform_not_allowed",
      details: { platform: "linux", allowed_platforms: ["ios"] },
    });
  });
});
