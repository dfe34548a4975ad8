import { describe, expect, it } from "vitest";

import { inspectionText } from "./inspection-text.ts";

const result = {
  filename: "acme.apk",
  platform: "android_apk",
  arch: "universal",
  format: "apk",
  content_type: "application/octet-stream",
  size_bytes: 2048,
  sha256: null,
  blake3: null,
  validation_status: "passed",
  facts: {},
  identity: { id: null, version: null, build: null, label: null, signers: [] },
  findings: [],
};

describe("the sheet of dist inspect", () => {
  it("is the file alone where nothing is known of its inside", () => {
    expect(inspectionText(result).split("\n")).toEqual([
      "File          acme.apk",
      "Platform      android_apk",
      "Arch          universal",
      "Format        apk",
      "Content type  application/octet-stream",
      "Size          2.0 KiB",
      "SHA-256       -",
      "BLAKE3        -",
      "Checked       passed",
    ]);
  });

  it("says what it is, who signed it, what is inside and what is wrong", () => {
    const signers = [
      { kind: "apple_team", id: "T1", name: "Acme", lineage: [], verified: false, expires_at: null } as const,
    ];
    const text = inspectionText({
      ...result,
      facts: {
        min_os: "iOS 15",
        absent: null,
        none: [],
        permissions: ["a", "b"],
        many: Array.from({ length: 14 }, (_, index) => index),
        signatures: [{ scheme: "v2", verified: true, digests: { sha256: "ab" } }],
        profile: { kind: "ad_hoc", team: null, devices: 2 },
      },
      identity: { id: "org.acme", version: "1.0", build: null, label: "Acme", signers },
      findings: [
        { code: "validation.x", severity: "warning", message: "It \u001b[31mends.", where: "Info.plist" },
      ],
    });
    expect(text.split("\n\n").slice(1)).toEqual([
      [
        "Id         org.acme",
        "Name       Acme",
        "Version    1.0",
        "Build      -",
        "Signed by  Acme (T1), not proven",
      ].join("\n"),
      [
        "min os: iOS 15",
        "permissions: a, b",
        "many:",
        ...Array.from({ length: 12 }, (_, index) => `  ${index}`),
        "  … 2 more",
        "signatures:",
        "  scheme v2, verified yes, digests sha256 ab",
        "profile:",
        "  kind: ad_hoc",
        "  devices: 2",
      ].join("\n"),
      String.raw`warning: It \x1b[31mends. (validation.x) [Info.plist]`,
    ]);
  });
});
