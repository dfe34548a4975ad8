import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { DistError } from "../../base/errors.ts";
import type { PublishRequest } from "../../registry/records/releases.ts";
import type { Registry } from "../../registry/registry.ts";
import { archive } from "../testing/archive.ts";
import { publishResult } from "../testing/records.ts";
import { type CliOptions, type CliRun, runCli } from "../testing/run-cli.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-publish-"));
  await writeFile(join(directory, "acme.tar.gz"), archive);
  await writeFile(join(directory, "acme.exe"), "MZ");
  await writeManifest({});
});
afterEach(() => rm(directory, { recursive: true }));

describe("ci publish", () => {
  it("checks, sends every file, publishes once, and prints the envelope", async () => {
    const { registry, calls, published } = recorder();
    const run = await publish(["--json"], { registry });
    expect(run).toMatchObject({ code: 0, json: publishResult, stderr: "" });
    expect(calls).toEqual(["check", "upload", "upload", "publish"]);
    expect(published()).toEqual({
      app: "acme",
      version: "1.4.0",
      channel: "beta",
      if_exists: "fail",
      artifacts: [
        { platform: "linux", filename: "acme.tar.gz", ...stored(archive) },
        {
          platform: "windows",
          arch: "x86_64",
          filename: "Acme Setup.exe",
          metadata: { commit: "abc" },
          ...stored(Buffer.from("MZ")),
        },
      ],
    });
  });

  it("lets the command line beat the manifest", async () => {
    await writeFile(join(directory, "notes.md"), "From a file");
    const { registry, published } = recorder();
    const flags = [
      "--version",
      "2",
      "--build",
      "7",
      "--no-channel",
      "--notes-file",
      "notes.md",
      "--if-exists",
      "skip",
    ];
    await publish([...flags, "--metadata", "ci=7", "--metadata", "url=a=b"], { registry });
    expect(published()).toMatchObject({
      version: "2",
      build: "7",
      channel: null,
      notes: "From a file",
      if_exists: "skip",
      metadata: { ci: "7", url: "a=b" },
    });
  });

  it("sends what the manifest expects along, and names the file that is not so", async () => {
    await writeManifest({
      artifacts: [{ platform: "linux", path: "acme.tar.gz", size: 9, sha256: "A".repeat(64) }],
    });
    const { registry } = recorder();
    const uploadObject: Registry["uploadObject"] = async (_source, options) => {
      expect(options?.expected).toEqual({ size: 9, sha256: "a".repeat(64) });
      throw new DistError("validation.size_mismatch", "invalid", "Wrong size.", { details: { expected: 9 } });
    };
    const run = await publish(["--json"], { registry: { ...registry, uploadObject } });
    expect(run.code).toBe(1);
    expect(run.json.error).toMatchObject({
      code: "validation.size_mismatch",
      message: "acme.tar.gz: Wrong size.",
      details: { expected: 9, filename: "acme.tar.gz" },
    });
  });

  it("opens no store when a file is missing, so none is created", async () => {
    await rm(join(directory, "acme.exe"));
    const onOpen = () => {
      throw new Error("opened");
    };
    const run = await publish(["--json"], { onOpen });
    expect(run.json.error).toMatchObject({
      code: "manifest.file_not_found",
      details: { path: "artifacts[1].path" },
    });
  });

  it("stops between files when it is interrupted, and publishes nothing", async () => {
    const stop = new AbortController();
    const { registry, calls } = recorder();
    const uploadObject: Registry["uploadObject"] = async (...args) => {
      const result = await registry.uploadObject(...args);
      stop.abort("interrupted");
      return result;
    };
    const run = await publish(["--json"], { registry: { ...registry, uploadObject }, signal: stop.signal });
    expect(run.code).toBe(130);
    expect(calls).toEqual(["check", "upload"]);
  });

  it("sends those files again that are not there any more, and gives up in the end", async () => {
    const { registry, calls } = recorder();
    const second = stored(Buffer.from("MZ")).sha256;
    let refusals = 0;
    const missing = (times: number): Registry["publish"] => {
      return async (request) => {
        if (refusals++ >= times) return registry.publish(request);
        calls.push("refused");
        throw new DistError("object.missing", "conflict", "Missing.", { details: { missing: [second] } });
      };
    };
    const run = await publish(["--json"], { registry: { ...registry, publish: missing(1) } });
    expect(run.code).toBe(0);
    expect(calls).toEqual(["check", "upload", "upload", "refused", "upload", "publish"]);
    const gaveUp = await publish(["--json"], { registry: { ...registry, publish: missing(9) } });
    expect(gaveUp.json.error).toMatchObject({ code: "object.missing" });
  });

  it("tries again, and sends nothing again, where the app changed meanwhile", async () => {
    const { registry, calls } = recorder();
    const changed: Registry["publish"] = async (request) => {
      if (calls.at(-1) === "refused") return registry.publish(request);
      calls.push("refused");
      throw new DistError("package.changed", "conflict", "Changed.");
    };
    const run = await publish(["--json"], { registry: { ...registry, publish: changed } });
    expect(run.code).toBe(0);
    expect(calls).toEqual(["check", "upload", "upload", "refused", "publish"]);
  });

  it("writes the result to --output, and a summary behind what is there", async () => {
    await writeFile(join(directory, "summary.md"), "# Job\n");
    await publish(["--output", "result.json", "--summary", "summary.md"], { registry: recorder().registry });
    expect(JSON.parse(await readFile(join(directory, "result.json"), "utf8"))).toEqual(publishResult);
    const summary = await readFile(join(directory, "summary.md"), "utf8");
    expect(summary).toMatch(/^# Job\n### Published acme 1\.4\.0\n/);
    expect(summary).toContain("| linux | universal | tar | acme.tar.gz | 3 B | passed |");
    expect((await readdir(directory)).filter((name) => name.startsWith(".dist-"))).toEqual([]);
  });

  // A file's name must not become a link, an image or a table row on the page of the job.
  it("makes nothing of Markdown in a file's name", async () => {
    const [artifact] = publishResult.artifacts;
    if (artifact === undefined) throw new Error("The record has no artifact.");
    const filename = "![x](https://evil)|<img>\n.exe";
    const answer = { ...publishResult, artifacts: [{ ...artifact, filename }] };
    await publish(["--summary", "s.md"], {
      registry: { ...recorder().registry, publish: async () => answer },
    });
    const summary = await readFile(join(directory, "s.md"), "utf8");
    expect(summary).not.toContain("![x]");
    expect(summary).not.toContain("<img>");
    expect(summary.split("\n").filter((line) => line.startsWith("|"))).toHaveLength(3);
  });

  it("cli.output_unwritable: says so before anything is published", async () => {
    const run = await publish(["--json", "--output", "missing/result.json"]);
    expect(run).toMatchObject({ code: 1, json: { error: { code: "cli.output_unwritable" } } });
  });

  it("cli.file_unreadable: notes that are not there", async () => {
    const run = await publish(["--json", "--notes-file", "missing.md"]);
    expect(run.json.error.code).toBe("cli.file_unreadable");
  });

  it("usage.conflicting_options: notes twice", async () => {
    const run = await publish(["--json", "--notes", "x", "--notes-file", "y"]);
    expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.conflicting_options" } } });
  });

  it("succeeds though the channel refused, and tells people which rule it was", async () => {
    const refusal = { code: "channel.policy_refused", message: "By hand only.", details: { rule: "manual" } };
    const channel = { name: "stable", promoted: false as const, refusal, current_release_id: null };
    const registry = { ...recorder().registry, publish: async () => ({ ...publishResult, channel }) };
    const run = await publish([], { registry });
    expect(run.code).toBe(0);
    expect(run.stderr).toContain("stable was not moved: By hand only. (channel.policy_refused)");
    expect((await publish(["--json"], { registry })).json.channel).toEqual(channel);
  });
});

describe("ci publish --dry-run", () => {
  const store = (name: string) => ({ env: { DIST_STORE: join(directory, name) } });

  it("inspects and checks, and answers the envelope without ids", async () => {
    await writeManifest({ artifacts: [{ platform: "linux", path: "acme.tar.gz" }] });
    const { registry, calls } = recorder();
    const run = await publish(["--dry-run", "--json"], { registry, ...store("missing") });
    expect(run.code).toBe(0);
    expect(calls).toEqual(["check"]);
    expect(run.json).toMatchObject({
      status: "dry_run",
      app: { id: null, slug: "acme" },
      release: { id: null, version: "1.4.0", build: "", channel: "beta", published_at: null },
      artifacts: [
        {
          id: null,
          format: "tar",
          arch: "universal",
          content_type: "application/gzip",
          validation_status: "passed",
          ...digests(archive),
        },
      ],
      channel: { name: "beta" },
    });
    expect(await readdir(directory)).not.toContain("missing");
  });

  it("checks on an empty store elsewhere, removed afterwards, when the store is missing", async () => {
    const before = await temporaryStores();
    await publish(["--dry-run"], { registry: recorder().registry, ...store("missing") });
    expect(await temporaryStores()).toEqual(before);
  });

  it("validation.failed: with the findings, as publishing would refuse", async () => {
    const run = await publish(["--dry-run", "--json"], {
      registry: recorder().registry,
      ...store("missing"),
    });
    expect(run.code).toBe(1);
    expect(run.json.error.code).toBe("validation.failed");
    expect(run.json.error.details.artifacts).toMatchObject([
      { filename: "Acme Setup.exe", validation_status: "failed" },
    ]);
  });

  it.each([
    ["validation.size_mismatch", { size: 1 }],
    ["validation.digest_mismatch", { sha256: "0".repeat(64) }],
  ])("%s: what the manifest expects is checked", async (code, expected) => {
    await writeManifest({ artifacts: [{ platform: "linux", path: "acme.tar.gz", ...expected }] });
    const run = await publish(["--dry-run", "--json"], {
      registry: recorder().registry,
      ...store("missing"),
    });
    expect(run.json.error.code).toBe(code);
    expect(run.json.error.details.path).toBe(`artifacts[0].${Object.keys(expected)[0]}`);
  });

  async function temporaryStores(): Promise<string[]> {
    return (await readdir(tmpdir())).filter((name) => name.startsWith("dist-dry-run-"));
  }
});

async function publish(flags: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return runCli(["ci", "publish", ...flags], { directory, ...options });
}

/** A registry that stores nothing and remembers what it was asked. */
function recorder() {
  const calls: string[] = [];
  let request: PublishRequest | undefined;
  const registry: Pick<Registry, "checkPublish" | "uploadObject" | "publish"> = {
    checkPublish: async () => void calls.push("check"),
    uploadObject: async (source) => {
      calls.push("upload");
      const hash = createHash("sha256");
      let size = 0;
      for await (const chunk of source.open()) {
        hash.update(chunk);
        size += chunk.length;
      }
      return {
        sha256: hash.digest("hex"),
        blake3: "",
        size_bytes: size,
        existed: false,
        lease_expires_at: "",
      };
    },
    publish: async (asked) => {
      calls.push("publish");
      request = asked;
      return publishResult;
    },
  };
  return { registry, calls, published: () => JSON.parse(JSON.stringify(request)) as unknown };
}

function digests(bytes: Buffer) {
  return { sha256: createHash("sha256").update(bytes).digest("hex"), size_bytes: bytes.length };
}

function stored(bytes: Buffer) {
  const { sha256, size_bytes } = digests(bytes);
  return { sha256, size: size_bytes };
}

async function writeManifest(changes: object): Promise<void> {
  const manifest = {
    app: "acme",
    version: "1.4.0",
    channel: "beta",
    artifacts: [
      { platform: "linux", path: "acme.tar.gz" },
      {
        platform: "windows",
        arch: "amd64",
        path: "*.exe",
        filename: "Acme Setup.exe",
        metadata: { commit: "abc" },
      },
    ],
    ...changes,
  };
  await writeFile(join(directory, "dist.json"), JSON.stringify(manifest));
}
