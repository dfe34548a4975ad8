import { describe, expect, it } from "vitest";

import type { Inspected } from "../../registry/releases/inspected.ts";
import { artifactFacts } from "./artifact-facts.ts";
import { sampleArtifact } from "./testing/samples.ts";

const identity = (verified: boolean): NonNullable<Inspected["identity"]> => ({
  id: "org.acme",
  version: "1",
  build: "1",
  label: "Acme",
  signers: [{ kind: "apple_team", id: "T", name: "Acme Ltd", lineage: [], verified, expires_at: null }],
});

const apk = (inspection: object, findings: object[] = []) =>
  sampleArtifact({
    platform: "android_apk",
    format: "apk",
    metadata: { inspection } as never,
    findings: findings as never,
  });

const nowhere = { platform: null, version: null } as const;
const android = (version: string) => ({ platform: "android_apk", version }) as const;

describe("what a visitor is told of a file", () => {
  it("is nothing where nothing looked inside", () => {
    const none = { needs: null, signed: null, permissions: { words: [], more: 0 }, warnings: [] };
    expect(artifactFacts(sampleArtifact(), nowhere)).toEqual(none);
  });

  it("is who signed it, and whether that is proven", () => {
    expect(artifactFacts(apk({ identity: identity(true) }), nowhere).signed).toBe("Signed by Acme Ltd.");
    expect(artifactFacts(apk({ identity: identity(false) }), nowhere).signed).toMatch(
      /nothing here can prove/,
    );
    const unsigned = { ...identity(true), signers: [] };
    expect(artifactFacts(apk({ identity: unsigned }), nowhere).signed).toBe("Not signed by anybody.");
    const tar = { ...apk({ identity: unsigned }), format: "tar" } as const;
    expect(artifactFacts(tar, nowhere).signed).toBeNull();
  });

  it("is what it needs, and that this device is too old for it", () => {
    const file = apk({ min_os: "Android 8.0 (API 26)" });
    expect(artifactFacts(file, nowhere).needs).toBe("Android 8.0 (API 26)");
    expect(artifactFacts(file, android("7.1")).warnings).toEqual([
      "Does not install on this device: it needs Android 8.0 (API 26), and this device says it has 7.1.",
    ]);
    for (const version of ["8", "8.0", "8.1.0", "14"]) {
      expect(artifactFacts(file, android(version)).warnings).toEqual([]);
    }
    expect(artifactFacts(file, { platform: "ios", version: "4" }).warnings).toEqual([]);
  });

  it("is what it may ask for, in words, the rest counted", () => {
    const permissions = [
      "android.permission.CAMERA",
      "android.permission.ACCESS_FINE_LOCATION",
      "android.permission.ACCESS_COARSE_LOCATION",
      "android.permission.INTERNET",
    ];
    expect(artifactFacts(apk({ permissions }), nowhere).permissions).toEqual({
      words: ["camera", "location"],
      more: 1,
    });
  });

  it("is what will go wrong, but not what is the publisher's business", () => {
    const findings = [
      { code: "validation.profile_expired", severity: "warning", message: "The profile ended." },
      { code: "validation.version_differs", severity: "warning", message: "no" },
      { code: "validation.other", severity: "info", message: "no" },
    ];
    expect(artifactFacts(apk({}, findings), nowhere).warnings).toEqual(["The profile ended."]);
  });

  // Whatever stands in a file's own tables is as hostile as the file.
  it("holds up against facts of another shape", () => {
    const file = apk({ min_os: 7, permissions: ["a", 1, null] });
    expect(artifactFacts(file, nowhere)).toMatchObject({ needs: null, permissions: { words: [], more: 1 } });
  });
});
