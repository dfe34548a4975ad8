import { describe, expect, it } from "vitest";

import { DistError } from "../../base/errors.ts";
import { distManifestSchema, maxManifestBytes, parseManifest } from "./dist-manifest.ts";

const artifact = { platform: "ios", path: "out/Acme.ipa" };
const smallest = { app: "acme", version: "1.0", artifacts: [artifact] };

describe("parseManifest", () => {
  it("takes the example of the contract", () => {
    const manifest = {
      $schema: "https://example.org/dist.schema.json",
      app: "acme-app",
      display_name: "Acme",
      version: "1.4.0",
      build: "1042",
      channel: "beta",
      notes: "What changed",
      metadata: { team: "mobile" },
      artifacts: [
        { platform: "android_apk", path: "out/acme.apk" },
        {
          platform: "linux",
          arch: "arm64",
          format: "deb",
          path: "out/acme.deb",
          filename: "acme.deb",
          content_type: "application/vnd.debian.binary-package",
          size: 1234,
          sha256: "a".repeat(64),
          metadata: { commit: "abc123", nested: { list: [1, 2.5, null, true] } },
        },
      ],
    };
    const { $schema, ...expected } = manifest;
    expect($schema).toBeDefined();
    expect(parseManifest(JSON.stringify(manifest), "dist.json")).toEqual(expected);
  });

  it("takes other names of architectures, digests in capitals, no channel, and a byte order mark", () => {
    const text = JSON.stringify({
      ...smallest,
      channel: null,
      artifacts: [{ ...artifact, arch: "amd64", sha256: "AB".repeat(32) }],
    });
    const manifest = parseManifest(`\uFEFF${text}`, "dist.json");
    expect(manifest.channel).toBeNull();
    expect(manifest.artifacts[0]).toMatchObject({ arch: "x86_64", sha256: "ab".repeat(32) });
  });

  const refusals: [what: string, text: string, code: string, path: string][] = [
    ["no app", json({ app: undefined }), "manifest.missing_field", "app"],
    ["no artifacts", json({ artifacts: undefined }), "manifest.missing_field", "artifacts"],
    ["no platform", json({ artifacts: [{ path: "x" }] }), "manifest.missing_field", "artifacts[0].platform"],
    ["no path", json({ artifacts: [{ platform: "ios" }] }), "manifest.missing_field", "artifacts[0].path"],
    ["a key unknown", json({ chanel: "beta" }), "manifest.unknown_key", "chanel"],
    ["a key __proto__", '{"app":"a","__proto__":{}}', "manifest.unknown_key", "__proto__"],
    [
      "__proto__ in metadata, which the schema library would drop without a word",
      '{"app":"a","version":"1","metadata":{"a":[{"__proto__":1}]},"artifacts":[]}',
      "manifest.unknown_key",
      "metadata.a[0].__proto__",
    ],
    ["a number for a text", json({ build: 1042 }), "manifest.wrong_type", "build"],
    ["a text for a list", json({ artifacts: "x" }), "manifest.wrong_type", "artifacts"],
    ["a list for the whole", "[]", "manifest.wrong_type", ""],
    [
      "a platform unknown",
      artifactJson({ platform: "andriod_apk" }),
      "manifest.unknown_platform",
      "artifacts[0].platform",
    ],
    [
      "a platform that is no text",
      artifactJson({ platform: 3 }),
      "manifest.wrong_type",
      "artifacts[0].platform",
    ],
    ["an arch unknown", artifactJson({ arch: "x64" }), "manifest.unknown_arch", "artifacts[0].arch"],
    [
      "a format unknown",
      artifactJson({ format: "debian" }),
      "manifest.unknown_format",
      "artifacts[0].format",
    ],
    [
      "half a digest",
      artifactJson({ sha256: "a".repeat(63) }),
      "manifest.invalid_digest",
      "artifacts[0].sha256",
    ],
    ["half a byte", artifactJson({ size: 1.5 }), "manifest.wrong_type", "artifacts[0].size"],
    ["less than no bytes", artifactJson({ size: -1 }), "manifest.wrong_type", "artifacts[0].size"],
    ["an empty path", artifactJson({ path: "" }), "manifest.wrong_type", "artifacts[0].path"],
    ["nothing to publish", json({ artifacts: [] }), "manifest.no_artifacts", "artifacts"],
    [
      "65 artifacts",
      json({ artifacts: Array.from({ length: 65 }, () => artifact) }),
      "manifest.too_many_artifacts",
      "artifacts",
    ],
    [
      "a number that readers change",
      json({ metadata: { n: [2 ** 53] } }),
      "manifest.wrong_type",
      "metadata.n[0]",
    ],
    [
      "metadata without a floor",
      json({ metadata: nested(40) }),
      "manifest.wrong_type",
      "metadata" + ".a".repeat(32),
    ],
    ["a key twice", '{"app":"a",\n"\\u0061pp":"b"}', "manifest.duplicate_key", "app"],
    ["a comment", "{\n  // no\n}", "manifest.invalid_json", ""],
    ["more than 1 MiB", " ".repeat(maxManifestBytes + 1), "manifest.too_large", ""],
  ];
  it.each(refusals)("refuses %s", (_what, text, code, path) => {
    const error = refusal(text);
    expect(error.code).toBe(code);
    expect(error.details["path"]).toBe(path);
    expect(error.message).toContain("dist.json");
  });

  it("names the nearest known word, for a key and for a value", () => {
    const key = refusal(json({ artifacts: [{ platfrom: "ios", path: "x" }] }));
    expect(key.details).toMatchObject({ path: "artifacts[0].platfrom", nearest: "platform" });
    expect(key.hint).toBe("Did you mean platform?");
    expect(refusal(artifactJson({ platform: "andriod_apk" })).details["nearest"]).toBe("android_apk");
  });

  it("lists every problem, the misspelt key before the field it meant", () => {
    const { details } = refusal(json({ version: 3, artifacts: [{ platfrom: "ios", path: "x" }] }));
    expect(details["problems"]).toMatchObject([
      { code: "manifest.unknown_key", path: "artifacts[0].platfrom" },
      { code: "manifest.missing_field", path: "artifacts[0].platform" },
      { code: "manifest.wrong_type", path: "version" },
    ]);
  });

  it("says where a text stops being JSON", () => {
    expect(refusal('{\n  "app": "a",\n}').details).toMatchObject({ line: 3, column: 1 });
    expect(refusal('{"app":').details).toMatchObject({ line: 1, column: 8 });
  });
});

describe("distManifestSchema", () => {
  it("requires what the parser requires, and nothing unknown", () => {
    const schema = distManifestSchema() as {
      required: string[];
      additionalProperties: boolean;
      properties: {
        artifacts: { maxItems: number; items: { required: string[]; additionalProperties: boolean } };
      };
    };
    expect(schema.required).toEqual(["app", "version", "artifacts"]);
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties.artifacts.maxItems).toBe(64);
    expect(schema.properties.artifacts.items).toMatchObject({
      required: ["platform", "path"],
      additionalProperties: false,
    });
  });
});

function json(changes: object): string {
  return JSON.stringify({ ...smallest, ...changes });
}

function artifactJson(changes: object): string {
  return json({ artifacts: [{ ...artifact, ...changes }] });
}

function nested(depth: number): object {
  return depth === 0 ? {} : { a: nested(depth - 1) };
}

function refusal(text: string): DistError {
  try {
    parseManifest(text, "dist.json");
  } catch (error) {
    if (error instanceof DistError) return error;
    throw error;
  }
  throw new Error("The manifest was taken.");
}
