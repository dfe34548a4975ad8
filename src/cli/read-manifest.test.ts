import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { loadManifest, resolveArtifacts } from "./read-manifest.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-manifest-"));
  await mkdir(join(directory, "out"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("loadManifest", () => {
  it("answers the directory that paths are relative to", async () => {
    await write("out/dist.json", manifest("acme.apk"));
    const loaded = await loadManifest("out/dist.json", directory);
    expect(loaded).toMatchObject({ directory: join(directory, "out"), manifest: { app: "acme" } });
  });

  it.each([
    ["manifest.not_found", "missing.json", ""],
    ["manifest.not_found", "dist.json/dist.json", "{}"],
    ["manifest.unreadable", "out", ""],
    ["manifest.invalid_json", "dist.json", Buffer.from([0x7b, 0xff, 0x7d])],
    ["manifest.too_large", "dist.json", Buffer.alloc(1024 * 1024 + 1, " ")],
  ])("%s", async (code, path, content) => {
    await write("dist.json", content);
    await expect(loadManifest(path, directory)).rejects.toMatchObject({ code, details: { manifest: path } });
  });
});

describe("resolveArtifacts", () => {
  it("finds files by name and by pattern", async () => {
    await write("out/acme-1.4.0.apk", "apk");
    await write("out/acme.deb", "deb!");
    const resolved = await resolve("out/acme-*.apk", "./out/acme.deb", join(directory, "out/acme.deb"));
    expect(resolved.map(({ filename, source, place }) => [filename, source.sizeBytes, place])).toEqual([
      ["acme-1.4.0.apk", 3, "artifacts[0]"],
      ["acme.deb", 4, "artifacts[1]"],
      ["acme.deb", 4, "artifacts[2]"],
    ]);
  });

  // Read as a pattern, `app[1].apk` would be `app1.apk`: another file.
  it("takes a path that exists for itself, though it looks like a pattern", async () => {
    await write("out/app[1].apk", "right");
    await write("out/app1.apk", "wrong!");
    const [artifact] = await resolve("out/app[1].apk");
    expect(artifact).toMatchObject({ filename: "app[1].apk", source: { sizeBytes: 5 } });
  });

  it("manifest.file_not_found: names the place in the manifest", async () => {
    await write("out/acme.apk", "apk");
    for (const missing of ["out/acme.ipa", "out/*.ipa", "nowhere/x"]) {
      await expect(resolve("out/acme.apk", missing)).rejects.toMatchObject({
        code: "manifest.file_not_found",
        details: { path: "artifacts[1].path", file: missing },
      });
    }
  });

  it("manifest.glob_ambiguous: names what matches, directories left out", async () => {
    await write("out/a.apk", "a");
    await write("out/b.apk", "b");
    await mkdir(join(directory, "out/c.apk"));
    await expect(resolve("out/*.apk")).rejects.toMatchObject({
      code: "manifest.glob_ambiguous",
      details: {
        path: "artifacts[0].path",
        matches: [join(directory, "out/a.apk"), join(directory, "out/b.apk")],
      },
    });
  });

  it("refuses a directory", async () => {
    await expect(resolve("out")).rejects.toMatchObject({ code: "validation.file_unreadable" });
  });

  async function resolve(...paths: string[]) {
    await write("dist.json", manifest(...paths));
    return resolveArtifacts(await loadManifest("dist.json", directory));
  }
});

function manifest(...paths: string[]): string {
  return JSON.stringify({
    app: "acme",
    version: "1.4.0",
    artifacts: paths.map((path) => ({ platform: "linux", path })),
  });
}

async function write(name: string, content: string | Buffer): Promise<void> {
  await writeFile(join(directory, name), content);
}
