import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { PresentedLink } from "../../src/registry/links/signed-links.ts";
import { openStore } from "../../src/registry/open-store.ts";
import { anonymousPrincipal, localPrincipal, type Principal } from "../../src/registry/principal.ts";
import type { DownloadLink } from "../../src/registry/records/links.ts";
import type { Registry } from "../../src/registry/registry.ts";
import {
  actionsOf,
  eventsDuring,
  openTestStore,
  outcomeOf,
  publishTar,
  sqlOn,
  type TestStore,
} from "../support/test-store.ts";

const HOUR_MS = 3600 * 1000;

let test: TestStore;
let artifact: string;
let sha256: string;
beforeEach(async () => {
  test = await openTestStore();
  await test.registry.createApp("acme", { visibility: "private" });
  const [published] = (await publishTar(test.registry, { version: "1", channel: "beta" })).artifacts;
  artifact = published!.id;
  sha256 = published!.sha256;
});
afterEach(() => test.close());

const sign = (expiresIn?: string, registry: Registry = test.registry) =>
  registry.signDownload(
    "acme",
    { release: "1" },
    artifact,
    expiresIn === undefined ? {} : { expires_in: expiresIn },
  );

/** The link as an address presents it. */
function presented(link: DownloadLink, changes: Partial<PresentedLink> = {}): PresentedLink {
  return {
    target: { kind: "download", sha256: link.sha256, artifact: link.artifact_id },
    expires: String(Date.parse(link.expires_at) / 1000),
    signature: link.signature,
    ...changes,
  };
}

/** The registry as somebody who came by a signed address. */
async function visitor(link: DownloadLink): Promise<Registry> {
  return test.store.as(await test.store.authenticateLink(presented(link)));
}

const refusalOf = (link: PresentedLink) => outcomeOf(test.store.authenticateLink(link));

describe("a signed address", () => {
  it("opens exactly one artifact's bytes of a private app, and nothing else", async () => {
    const other = (await publishTar(test.registry, { version: "2", channel: "beta" })).artifacts[0]!;
    const guest = await visitor(await sign());
    expect(await guest.openObject(sha256)).toMatchObject({ filename: "acme.tar.gz", is_public: false });
    expect(await outcomeOf(guest.openObject(other.sha256))).toBe("object.not_found");
    expect(await outcomeOf(guest.getApp("acme"))).toBe("app.not_found");
    expect(await outcomeOf(sign("1h", guest))).toBe("auth.missing_scope");
  });

  it("works for an hour when nothing is said, seven days at most", async () => {
    const link = await sign();
    expect(link.expires_at).toBe("2026-11-20T16:00:00.000Z");
    test.clock.advance(HOUR_MS - 1);
    expect(await refusalOf(presented(link))).toBe("ok");
    test.clock.advance(1);
    expect(await refusalOf(presented(link))).toBe("download.link_expired");
    expect(Date.parse((await sign("7d")).expires_at) - test.clock.nowMs()).toBe(7 * 24 * HOUR_MS);
    expect(await outcomeOf(sign("8d"))).toBe("download.link_too_long");
    expect(await outcomeOf(sign("soon"))).toBe("duration.invalid");
  });

  // A short-lived CI token must not be a way to an address that works for a week.
  it("ends with the credential of whoever asked for it", async () => {
    const reader = test.as(["read"], { expiresAt: "2026-11-20T15:10:00.500Z" });
    expect((await sign("7d", reader)).expires_at).toBe("2026-11-20T15:10:00.000Z");
  });

  it("is refused when anything in it was changed, or when it was signed for something else", async () => {
    const link = await sign();
    const { expires, signature, target } = presented(link);
    const last = signature.endsWith("0") ? "1" : "0";
    const forged: readonly Partial<PresentedLink>[] = [
      { expires: String(Number(expires) + 1) },
      { expires: `0${expires}` },
      { expires: "" },
      { expires: "soon" },
      { signature: signature.slice(0, -1) + last },
      { signature: signature.toUpperCase() },
      { signature: signature.slice(2) },
      { signature: "" },
      { target: { kind: "download", sha256, artifact: "art_other" } },
      { target: { kind: "download", sha256: "ab".repeat(32), artifact } },
      { target: { kind: "install_manifest", app: sha256, channel: artifact } },
    ];
    for (const changes of forged) {
      expect([changes, await refusalOf(presented(link, changes))]).toEqual([
        changes,
        "download.link_invalid",
      ]);
    }
    expect(await refusalOf({ target, expires, signature })).toBe("ok");
  });

  it("is 410 material once its release is revoked, whoever else has the same bytes", async () => {
    const guest = await visitor(await sign());
    await publishTar(test.registry, { app: "copy", version: "1", channel: "beta" });
    await test.registry.updateApp("copy", { visibility: "public" });
    await test.registry.revokeRelease("acme", { release: "1" });
    expect(await outcomeOf(test.anonymous().openObject(sha256))).toBe("ok");
    expect(await outcomeOf(guest.openObject(sha256))).toBe("release.revoked");
    expect(await outcomeOf(sign())).toBe("release.revoked");
  });

  it("is 410 material once its release is deleted", async () => {
    await test.registry.updateApp("acme", { retention_keep: 2 });
    const guest = await visitor(await sign());
    for (const version of ["2", "3"]) await publishTar(test.registry, { version, channel: "beta" });
    await test.registry.cleanupStore({ apply: true });
    expect(await outcomeOf(guest.openObject(sha256))).toBe("package.deleted");
    expect(await outcomeOf(sign())).toBe("release.not_published");
  });

  it("is made for artifacts of published releases, by those with read", async () => {
    const draft = await test.registry.draftRelease({ app: "acme", version: "2" });
    const outcome = (release: string, id: string, registry = test.registry) =>
      outcomeOf(registry.signDownload("acme", { release }, id));
    expect(await outcome(draft.id, artifact)).toBe("release.not_published");
    expect(await outcome("none", artifact)).toBe("release.not_found");
    expect(await outcome("1", "art_none")).toBe("object.not_found");
    expect(await outcome("1", artifact, test.as(["read"], { channel: "other" }))).toBe("ok");
    expect(await outcome("1", artifact, test.as(["read"], { app: "other" }))).toBe("auth.wrong_app");
    expect(await outcome("1", artifact, test.as(["audit"]))).toBe("auth.missing_scope");
    expect(await outcome("1", artifact, test.anonymous())).toBe("auth.missing_token");
  });
});

describe("what manifest.plist says", () => {
  it("is for those who see the channel, in the enterprise mode alone, credentials or not", async () => {
    const manifestFor = (principal: Principal, channel = "beta") =>
      outcomeOf(test.store.installManifest(principal, "acme", channel));
    const administrator = localPrincipal("tester");
    expect(await manifestFor(administrator)).toBe("app.no_install_manifest");
    expect(await manifestFor(anonymousPrincipal)).toBe("app.not_found");
    const { expires_at, signature } = await test.store.signInstallManifest(administrator, "acme", "beta");
    const guest = await test.store.authenticateLink({
      target: { kind: "install_manifest", app: "acme", channel: "beta" },
      expires: String(Date.parse(expires_at) / 1000),
      signature,
    });
    expect(await manifestFor(guest)).toBe("app.no_install_manifest");
    expect(await manifestFor(guest, "stable")).toBe("channel.not_found");
    const blind = test.store.signInstallManifest(anonymousPrincipal, "acme", "beta");
    expect(await outcomeOf(blind)).toBe("app.not_found");
  });
});

describe("the key behind it", () => {
  const keys = () => sqlOn(test, "SELECT id, length(secret) AS bytes, created_at FROM signing_key");

  it("is made by the first signature, not by looking at one; it is no event and never leaves", async () => {
    const link: DownloadLink = {
      sha256,
      artifact_id: artifact,
      expires_at: "2026-11-20T16:00:00.000Z",
      signature: "00".repeat(32),
      url: null,
    };
    expect(await refusalOf(presented(link))).toBe("download.link_invalid");
    expect(keys()).toEqual([]);
    expect(actionsOf(await eventsDuring(test.registry, () => sign()))).toEqual([]);
    const made = [{ id: "links", bytes: 32, created_at: "2026-11-20T15:00:00.000Z" }];
    expect(keys()).toEqual(made);
    await sign();
    expect(keys()).toEqual(made);
    const [row] = sqlOn(test, "SELECT secret FROM signing_key");
    const secret = Buffer.from(row!["secret"] as Uint8Array).toString("hex");
    expect(secret).toHaveLength(64);
    let exported = "";
    for await (const piece of test.registry.exportStore()) exported += piece;
    expect(exported).not.toContain(secret);
  });

  // Two nodes that each had a key of their own would refuse what the other signed.
  it("is one for all processes of a store, also when they need it at the same moment", async () => {
    const { directory, clock, settings, storage } = test;
    const second = await openStore({ directory, create: false, settings, storage, clock });
    try {
      const registries = [test.registry, second.as(localPrincipal("second"))];
      const [first, other] = await Promise.all(registries.map((registry) => sign("1h", registry)));
      expect(first!.signature).toBe(other!.signature);
      expect(keys()).toHaveLength(1);
      expect((await second.authenticateLink(presented(first!))).link).toEqual({ artifact });
    } finally {
      await second.close();
    }
  });

  it("is kept by a rebuild of the views", async () => {
    const link = await sign();
    await test.registry.rebuildStore();
    expect(await refusalOf(presented(link))).toBe("ok");
  });
});
