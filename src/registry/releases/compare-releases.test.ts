import { describe, expect, it } from "vitest";

import type { ArtifactRecord, ReleaseRecord } from "../records/releases.ts";
import { comparison } from "./compare-releases.ts";

const digest = (letter: string) => letter.repeat(64);

function artifact(changes: Partial<ArtifactRecord> = {}): ArtifactRecord {
  return {
    id: "art_1",
    platform: "android_apk",
    arch: "universal",
    format: "apk",
    filename: "a.apk",
    content_type: "application/octet-stream",
    size_bytes: 100,
    sha256: digest("a"),
    blake3: digest("a"),
    storage_key: digest("a"),
    validation_status: "passed",
    findings: [],
    url: null,
    metadata: {},
    icon_sha256: null,
    ...changes,
  };
}

const release = (version: string, ...artifacts: ArtifactRecord[]) =>
  ({
    id: `rel_${version}`,
    app: "acme",
    version,
    build: "",
    status: "published",
    published_at: null,
    artifacts,
  }) as unknown as ReleaseRecord;

const compare = (before: ArtifactRecord[], after: ArtifactRecord[]) =>
  comparison(release("1", ...before), release("2", ...after)).artifacts;

const signer = (id: string) => ({
  kind: "android_certificate",
  id,
  name: id,
  lineage: [],
  verified: true,
  expires_at: null,
});

const inside = (version: string, permissions: string[], by: string, minOs: string) => ({
  inspection: {
    min_os: minOs,
    permissions,
    identity: { id: "org.acme", version, build: null, label: "Acme", signers: [signer(by)] },
  },
});

describe("two releases", () => {
  it("are named as they are", () => {
    expect(comparison(release("1"), release("2"))).toEqual({
      app: "acme",
      from: { id: "rel_1", version: "1", build: "", status: "published", published_at: null },
      to: { id: "rel_2", version: "2", build: "", status: "published", published_at: null },
      artifacts: [],
    });
  });

  it("may have other artifacts, or the same bytes", () => {
    const arm = artifact({ arch: "arm64" });
    const x86 = artifact({ arch: "x86_64" });
    const same = artifact();
    expect(compare([arm, same], [x86, same]).map(({ arch, status }) => `${arch} ${status}`)).toEqual([
      "arm64 removed",
      "universal same",
      "x86_64 added",
    ]);
  });

  it("differ in what is inside their artifacts", () => {
    const before = artifact({ metadata: inside("1", ["camera", "contacts"], "old", "Android 7") });
    const after = artifact({
      sha256: digest("b"),
      size_bytes: 120,
      metadata: inside("2", ["camera", "location"], "new", "Android 8"),
      findings: [{ code: "validation.debuggable", severity: "warning", message: "." }],
    });
    const none = { from: null, to: null };
    expect(compare([before], [after])[0]).toMatchObject({
      status: "changed",
      changes: [
        { fact: "size_bytes", from: 100, to: 120 },
        { fact: "version", from: "1", to: "2" },
        { fact: "min_os", from: "Android 7", to: "Android 8" },
        { fact: "permissions", ...none, added: ["location"], removed: ["contacts"] },
        { fact: "signers", ...none, added: ["new"], removed: ["old"] },
        { fact: "findings", ...none, added: ["validation.debuggable"], removed: [] },
      ],
    });
  });

  it("that nothing looked into differ in their bytes alone", () => {
    expect(compare([artifact()], [artifact({ sha256: digest("b") })])[0]).toMatchObject({
      status: "changed",
      changes: [],
    });
  });
});
