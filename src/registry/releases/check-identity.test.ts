import { describe, expect, it } from "vitest";

import type { Identity, Signer } from "../../inspect/inspection.ts";
import { identityFindings, requireSameIdentity } from "./check-identity.ts";

const declared = { version: "1.4.0", build: "7" };

const signer = (id: string, more: Partial<Signer> = {}): Signer => ({
  kind: "android_certificate",
  id,
  name: `CN=${id}`,
  lineage: [],
  verified: true,
  expires_at: null,
  ...more,
});

const identityOf = (more: Partial<Identity> = {}): Identity => ({
  id: "org.acme.app",
  version: "1.4.0",
  build: "7",
  label: "Acme",
  signers: [signer("old")],
  ...more,
});

const pinnedTo = (...signers: string[]) => ({
  identity_constraints: JSON.stringify({ android_apk: signers }),
  bundle_ids: JSON.stringify({ android_apk: "org.acme.app" }),
});

const check = (
  app: ReturnType<typeof pinnedTo> | undefined,
  identity: Identity | undefined,
  format = "apk",
) => {
  const artifact = { platform: "android_apk", format, filename: "a.apk", identity };
  return identityFindings(app, declared, artifact).map(({ code, severity }) => `${severity} ${code}`);
};

describe("an artifact's identity", () => {
  it("is fine when version, build, bundle id and signer are what was said", () => {
    expect(check(pinnedTo("old"), identityOf())).toEqual([]);
    expect(check(undefined, identityOf())).toEqual([]);
  });

  it("may say nothing of itself", () => {
    expect(check(undefined, undefined)).toEqual([]);
    expect(check(undefined, identityOf({ id: null, version: null, build: null, signers: [] }))).toEqual([]);
  });

  it("is told from the declared version and build, as a warning", () => {
    expect(check(undefined, identityOf({ version: "1.3.9", build: "6" }))).toEqual([
      "warning validation.version_differs",
      "warning validation.build_differs",
    ]);
  });

  it("has to have the bundle id that the app has on the platform", () => {
    expect(check(pinnedTo("old"), identityOf({ id: "org.other" }))).toEqual([
      "error validation.bundle_id_mismatch",
    ]);
  });

  it("has to be signed by one that is pinned, and by nobody else", () => {
    const changed = ["error validation.signer_changed"];
    expect(check(pinnedTo("new"), identityOf())).toEqual(changed);
    expect(check(pinnedTo("old"), identityOf({ signers: [signer("old"), signer("new")] }))).toEqual(changed);
    expect(check(pinnedTo("old", "new"), identityOf({ signers: [signer("old"), signer("new")] }))).toEqual(
      [],
    );
    expect(check(pinnedTo("old"), identityOf({ signers: [] }))).toEqual(changed);
  });

  it("may be signed by one that proves to have taken over from one that is pinned", () => {
    const rotated = identityOf({ signers: [signer("new", { lineage: ["older", "old"] })] });
    expect(check(pinnedTo("old"), rotated)).toEqual([]);
    expect(check(pinnedTo("other"), rotated)).toEqual(["error validation.signer_changed"]);
  });

  it("names both when the signer changed", () => {
    const artifact = { platform: "android_apk", format: "apk", filename: "a.apk", identity: identityOf() };
    expect(identityFindings(pinnedTo("new"), declared, artifact)).toMatchObject([
      {
        message: "The app is signed by new on android_apk; this file is signed by CN=old (old).",
        details: { platform: "android_apk", pinned: ["new"], found: [{ id: "old", name: "CN=old" }] },
      },
    ]);
  });

  it("that cannot be proven is told", () => {
    const unproven = identityOf({ signers: [signer("old", { verified: false })] });
    expect(check(pinnedTo("old"), unproven)).toEqual(["warning validation.signer_unproven"]);
  });

  it("of a format that is not signed as a rule is not missed", () => {
    const unsigned = identityOf({ signers: [] });
    expect(check(pinnedTo("old"), unsigned, "tar")).toEqual(["warning validation.signer_unread"]);
  });
});

describe("what an app pins", () => {
  it("must be the same when a release is recorded as when its artifacts were looked at", () => {
    expect(() => requireSameIdentity(pinnedTo("a"), pinnedTo("a"))).not.toThrow();
    expect(() =>
      requireSameIdentity(undefined, { identity_constraints: "{}", bundle_ids: "{}" }),
    ).not.toThrow();
    expect(() => requireSameIdentity(undefined, pinnedTo("a"))).toThrow(/changed meanwhile/);
    expect(() => requireSameIdentity(pinnedTo("a"), pinnedTo("b"))).toThrow(/changed meanwhile/);
  });
});
