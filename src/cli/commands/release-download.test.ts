import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { OpenedObject } from "../../registry/records/objects.ts";
import type { ArtifactRecord } from "../../registry/records/releases.ts";
import type { Registry } from "../../registry/registry.ts";
import { downloadNames } from "../download-names.ts";
import { artifactRecord, channelRecord, releaseRecord } from "../testing/records.ts";
import { type CliRun, runCli } from "../testing/run-cli.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-download-"));
});
afterEach(() => rm(directory, { recursive: true }));

const second: ArtifactRecord = { ...artifactRecord, id: "art_2", arch: "arm64" };

describe("release download", () => {
  it("writes the file under its name and prints where", async () => {
    const run = await download([]);
    const path = join(directory, "acme.tar.gz");
    expect(run).toMatchObject({
      code: 0,
      json: { id: "rel_1", downloaded: [{ artifact_id: "art_1", path }] },
    });
    expect(await readFile(path, "utf8")).toBe("abc");
    expect(await readdir(directory)).toEqual(["acme.tar.gz"]);
  });

  it("finds the release a channel points at", async () => {
    const getChannel = async () => channelRecord;
    const run = await runCli(["release", "download", "--app", "acme", "--channel", "beta", "--json"], {
      directory,
      registry: { ...registry(), getChannel },
    });
    expect(run.code).toBe(0);
  });

  it("cli.channel_empty: a channel that points nowhere", async () => {
    const getChannel = async () => ({ ...channelRecord, current_release_id: null });
    const run = await runCli(["release", "download", "--app", "acme", "--channel", "beta", "--json"], {
      directory,
      registry: { getChannel },
    });
    expect(run).toMatchObject({ code: 1, json: { error: { code: "cli.channel_empty" } } });
  });

  it.each([
    ["a file", "renamed.bin", ["renamed.bin"]],
    ["a directory that is there", "there", ["acme.tar.gz"]],
    ["a directory that is made", "made/", ["acme.tar.gz"]],
  ])("goes to %s", async (_what, output, expected) => {
    await mkdir(join(directory, "there"));
    await download(["--output", output]);
    const names = output.endsWith(".bin") ? [output] : await readdir(join(directory, output));
    expect(names).toEqual(expected);
  });

  it("puts several files into a directory, under different names", async () => {
    const run = await download(["--output", "made"], [artifactRecord, second]);
    expect(run.code).toBe(0);
    expect((await readdir(join(directory, "made"))).toSorted()).toEqual([
      "linux-arm64-tar-acme.tar.gz",
      "linux-universal-tar-acme.tar.gz",
    ]);
    const onlyArm = await download(["--arch", "aarch64", "--output", "arm/"], [artifactRecord, second]);
    expect(onlyArm.json.downloaded).toHaveLength(1);
  });

  it("usage.conflicting_options: several files for one name", async () => {
    await writeFile(join(directory, "one"), "");
    const run = await download(["--output", "one"], [artifactRecord, second]);
    expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.conflicting_options" } } });
  });

  it("cli.no_matching_artifact: says what there is", async () => {
    const run = await download(["--platform", "ios"]);
    expect(run.json.error).toMatchObject({
      code: "cli.no_matching_artifact",
      details: { available: ["linux/universal/tar"] },
    });
  });

  it("cli.file_exists: keeps another file, replaces it when forced, and fetches the same bytes once", async () => {
    const path = join(directory, "acme.tar.gz");
    await writeFile(path, "mine");
    const refused = await download([]);
    expect(refused).toMatchObject({ code: 1, json: { error: { code: "cli.file_exists" } } });
    expect(await readFile(path, "utf8")).toBe("mine");
    expect((await download(["--force"])).code).toBe(0);
    expect(await readFile(path, "utf8")).toBe("abc");
    const openObject = async () => {
      throw new Error("fetched again");
    };
    expect((await download([], [artifactRecord], { openObject })).code).toBe(0);
  });

  // Written through, a link that waits under the name would put the bytes wherever it points.
  it("does not follow a link that stands under the name", async () => {
    await writeFile(join(directory, "precious"), "mine");
    await symlink(join(directory, "precious"), join(directory, "acme.tar.gz"));
    expect((await download([])).json.error.code).toBe("cli.file_exists");
    await download(["--force"]);
    expect(await readFile(join(directory, "precious"), "utf8")).toBe("mine");
  });

  it("cli.file_exists: another program wrote the name meanwhile", async () => {
    const path = join(directory, "acme.tar.gz");
    const openObject: Registry["openObject"] = async () => {
      await writeFile(path, "theirs");
      return opened([Buffer.from("abc")]);
    };
    const run = await download([], [artifactRecord], { openObject });
    expect(run.json.error.code).toBe("cli.file_exists");
    expect(await readFile(path, "utf8")).toBe("theirs");
    expect(await readdir(directory)).toEqual(["acme.tar.gz"]);
  });

  it.each([
    ["other bytes", ["xyz"]],
    ["too few", ["ab"]],
    ["too many", ["abc", "d"]],
    ["none", []],
  ])("cli.download_corrupt: %s, exit code 4, and nothing left", async (_what, chunks) => {
    const openObject = async () => opened(chunks.map((chunk) => Buffer.from(chunk)));
    const run = await download([], [artifactRecord], { openObject });
    expect(run).toMatchObject({ code: 4, json: { error: { code: "cli.download_corrupt" } } });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("downloadNames", () => {
  it.each([
    ["../../etc/passwd", "_.._etc_passwd"],
    ["/etc/passwd", "_etc_passwd"],
    ["..", "sha"],
    [".bashrc", "bashrc"],
    ["C:\\x.exe", "C__x.exe"],
    ["a\x1b\u202e\n.apk", "a___.apk"],
    ["CON.txt", "_CON.txt"],
    ["name. .", "name"],
    ["", "sha"],
    ["x".repeat(300), "sha"],
    ["Größe 1.0 (x86).deb", "Größe 1.0 (x86).deb"],
  ])("makes %j safe", (filename, expected) => {
    expect(downloadNames([{ ...artifactRecord, filename, sha256: "sha" }])).toEqual([expected]);
  });

  it("keeps names apart that a file system may take for one", () => {
    const [first, other] = downloadNames([
      { ...artifactRecord, filename: "Acme.zip" },
      { ...second, filename: "acme.ZIP" },
    ]);
    expect(first?.toLowerCase()).not.toBe(other?.toLowerCase());
  });
});

function registry(artifacts: readonly ArtifactRecord[] = [artifactRecord]) {
  return {
    getRelease: async () => ({ ...releaseRecord, artifacts }),
    openObject: async () => opened([Buffer.from("a"), Buffer.from("bc")]),
  };
}

/** An object with these bytes; the rest of it does not matter to a download. */
function opened(chunks: readonly Buffer[]): OpenedObject {
  const { sha256, blake3, size_bytes, content_type, filename } = artifactRecord;
  return {
    sha256,
    blake3,
    size_bytes,
    content_type,
    filename,
    is_public: true,
    counted: null,
    physical_key: null,
    file_url: null,
    presign: async () => null,
    read: async () => Readable.from(chunks),
    readChunks: async () => Readable.from(chunks),
  };
}

async function download(
  flags: readonly string[],
  artifacts?: readonly ArtifactRecord[],
  changes: Partial<Registry> = {},
): Promise<CliRun> {
  return runCli(["release", "download", "1.4.0", "--app", "acme", "--json", ...flags], {
    directory,
    registry: { ...registry(artifacts), ...changes },
  });
}
