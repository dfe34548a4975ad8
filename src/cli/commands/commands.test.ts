import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { parseManifest } from "../../registry/manifest/dist-manifest.ts";
import type { AppChanges } from "../../registry/records/apps.ts";
import type { ChannelChanges } from "../../registry/records/channels.ts";
import type { Registry } from "../../registry/registry.ts";
import { archive } from "../testing/archive.ts";
import {
  appRecord,
  artifactRecord,
  channelRecord,
  publishResult,
  releaseRecord,
  tokenRecord,
} from "../testing/records.ts";
import { runCli } from "../testing/run-cli.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-commands-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("init", () => {
  it("writes a manifest that ci publish reads", async () => {
    const flags = [
      "--app",
      "acme",
      "--version",
      "1.4.0",
      "--artifact",
      "ios=out/a=b.ipa",
      "--artifact",
      "windows=out/*.msi",
    ];
    const { code } = await runCli(["init", ...flags], { directory });
    expect(code).toBe(0);
    expect(parseManifest(await readFile(join(directory, "dist.json"), "utf8"), "dist.json")).toEqual({
      app: "acme",
      version: "1.4.0",
      channel: "beta",
      artifacts: [
        { platform: "ios", path: "out/a=b.ipa" },
        { platform: "windows", path: "out/*.msi" },
      ],
    });
  });

  it("cli.file_exists: keeps what is there, unless forced", async () => {
    await writeFile(join(directory, "dist.json"), "mine");
    const refused = await runCli(["init", "--json"], { directory });
    expect(refused).toMatchObject({ code: 1, json: { error: { code: "cli.file_exists" } } });
    expect(await readFile(join(directory, "dist.json"), "utf8")).toBe("mine");
    const forced = await runCli(["init", "--force", "--json"], { directory });
    expect(forced.code).toBe(0);
    expect(forced.json.manifest.app).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
  });

  it("cli.output_unwritable: a directory that is not there", async () => {
    const run = await runCli(["init", "--json", "--manifest", "missing/dist.json"], { directory });
    expect(run.json.error.code).toBe("cli.output_unwritable");
  });
});

describe("app create and set", () => {
  it("pass on exactly the settings that are given", async () => {
    const asked: AppChanges[] = [];
    const updateApp: Registry["updateApp"] = async (_slug, changes) => {
      asked.push(changes);
      return appRecord;
    };
    const set = (flags: string[]) =>
      runCli(["app", "set", "--app", "acme", ...flags], { registry: { updateApp } });
    await set([]);
    await set([
      "--no-owner",
      "--retention-keep",
      "0",
      "--platforms",
      "ios, linux",
      "--unpin",
      "ios",
      "--unpin",
      "macos",
    ]);
    await set([
      "--bundle-id",
      "macos=org.acme",
      "--bundle-id",
      "windows=",
      "--ios-bundle-id",
      "org.acme.ios",
    ]);
    await set(["--pin", "ios=TEAM1", "--pin", "ios=TEAM2", "--pin", "windows=CN=Acme, O=Acme"]);
    expect(asked).toEqual([
      {},
      { owner: null, retention_keep: 0, allowed_platforms: ["ios", "linux"], unpin: ["ios", "macos"] },
      { bundle_ids: { macos: "org.acme", windows: null, ios: "org.acme.ios" } },
      { pin: { ios: ["TEAM1", "TEAM2"], windows: ["CN=Acme, O=Acme"] } },
    ]);
  });

  it("usage.conflicting_options: one platform's bundle id twice", async () => {
    const flags = ["--bundle-id", "ios=a", "--ios-bundle-id", "b"];
    const run = await runCli(["app", "create", "--app", "acme", "--json", ...flags]);
    expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.conflicting_options" } } });
  });
});

describe("channel set", () => {
  it.each<[string[], ChannelChanges]>([
    [[], {}],
    [
      ["--policy", "manual", "--require-validation"],
      { policy: { promote: "manual", require_validation: true } },
    ],
    [["--no-require-validation", "--no-from"], { policy: { require_validation: false, from: null } }],
    [["--from", "beta", "--min-time", "24h"], { policy: { from: "beta", min_time_seconds: 86_400 } }],
    [["--min-time", "0"], { policy: { min_time_seconds: 0 } }],
    [["--rollout-percent", "0", "--retention-keep", "3"], { rollout_percent: 0, retention_keep: 3 }],
    [["--no-retention-keep"], { retention_keep: null }],
  ])("%j", async (flags, expected) => {
    let asked: ChannelChanges | undefined;
    const setChannel: Registry["setChannel"] = async (_app, _channel, changes) => {
      asked = changes;
      return channelRecord;
    };
    await runCli(["channel", "set", "--app", "acme", "--channel", "beta", ...flags], {
      registry: { setChannel },
    });
    expect(asked).toEqual(expected);
  });

  it("refuses a time that is none", async () => {
    const argv = ["channel", "set", "--app", "acme", "--channel", "beta", "--min-time", "soon", "--json"];
    expect((await runCli(argv)).json.error.code).toBe("duration.invalid");
  });
});

describe("release draft, attach, publish", () => {
  const named = ["--app", "acme", "--version", "1.4.0"];

  it("attach stores the file and names the draft by version and build", async () => {
    await writeFile(join(directory, "acme.deb"), "abc");
    const calls: unknown[] = [];
    const registry: Partial<Registry> = {
      uploadObject: async (source) => {
        calls.push(source.sizeBytes);
        return { ...artifactRecord, existed: false, lease_expires_at: "" };
      },
      attachArtifact: async (...args) => {
        calls.push(JSON.parse(JSON.stringify(args)));
        return releaseRecord;
      },
    };
    const flags = ["--platform", "linux", "--arch", "amd64", "--metadata", "a=b", "--replace", "--json"];
    const run = await runCli(["release", "attach", "acme.deb", ...named, ...flags], { directory, registry });
    expect(run.json).toEqual(releaseRecord);
    const artifact = {
      platform: "linux",
      arch: "x86_64",
      filename: "acme.deb",
      size: 3,
      sha256: artifactRecord.sha256,
      metadata: { a: "b" },
    };
    expect(calls).toEqual([3, ["acme", { release: "1.4.0", build: "" }, artifact, { replace: true }]]);
  });

  it("take the version from a manifest, under what the command line says", async () => {
    await writeFile(
      join(directory, "dist.json"),
      JSON.stringify({
        app: "acme",
        version: "1",
        build: "2",
        channel: "beta",
        artifacts: [{ platform: "ios", path: "x" }],
      }),
    );
    let asked: unknown;
    const draftRelease: Registry["draftRelease"] = async (head) => {
      asked = head;
      return releaseRecord;
    };
    await runCli(["release", "draft", "--manifest", "dist.json", "--build", "3"], {
      directory,
      registry: { draftRelease },
    });
    expect(asked).toMatchObject({ app: "acme", version: "1", build: "3", channel: "beta" });
  });

  it("publish prints the flat release with what publishing did", async () => {
    const registry: Partial<Registry> = {
      publishDraft: async () => ({ ...publishResult, status: "unchanged" }),
      getRelease: async () => releaseRecord,
    };
    const run = await runCli(["release", "publish", ...named, "--json"], { registry });
    expect(run.json).toEqual({
      ...releaseRecord,
      publish: { status: "unchanged", channel: publishResult.channel },
    });
  });
});

describe("release promote", () => {
  it("passes on what is given and says when nothing moved", async () => {
    let asked: unknown;
    const promote: Registry["promote"] = async (_app, _channel, request) => {
      asked = request;
      return { ...channelRecord, moved: false };
    };
    const argv = [
      "release",
      "promote",
      "1.4.0",
      "--app",
      "acme",
      "--channel",
      "beta",
      "--rollout-percent",
      "0",
    ];
    const run = await runCli(argv, { registry: { promote } });
    expect(asked).toEqual({ release: "1.4.0", rollout_percent: 0 });
    expect(run.stderr).toContain("nothing changed");
  });
});

describe("lists", () => {
  it("say how to go on, and print the page as it is with --json", async () => {
    const page = { items: [releaseRecord], next: "cur\x1bsor" };
    const registry: Partial<Registry> = { listReleases: async () => page };
    const people = await runCli(["release", "list", "--app", "acme"], { registry });
    expect(people.stderr).toBe("More: add --after cur\\x1bsor\n");
    expect(people.stdout.split("\n")[0]).toMatch(/^RELEASE +VERSION/);
    const json = await runCli(["release", "list", "--app", "acme", "--json"], { registry });
    expect(json).toMatchObject({ json: page, stderr: "" });
  });
});

describe("token create", () => {
  it("shows the secret once, in the answer and nowhere else", async () => {
    const registry: Partial<Registry> = { createToken: async () => ({ ...tokenRecord, secret: "dist_abc" }) };
    const argv = ["token", "create", "--name", "ci", "--scope", "publish", "--scope", "read"];
    const people = await runCli(argv, { registry });
    expect(people.stdout.match(/dist_abc/g)).toHaveLength(1);
    expect(people.stderr).toBe("");
    expect((await runCli([...argv, "--json"], { registry })).json.secret).toBe("dist_abc");
  });
});

describe("inspect", () => {
  it("reports what publishing would find, with exit code 1 when it would be refused", async () => {
    await writeFile(join(directory, "acme.tar.gz"), archive);
    await writeFile(join(directory, "acme.apk"), "no zip");
    const sound = await runCli(["inspect", "acme.tar.gz", "--json"], { directory, env: {} });
    expect(sound).toMatchObject({
      code: 0,
      json: { platform: "linux", format: "tar", validation_status: "passed" },
    });
    const broken = await runCli(["inspect", "acme.apk", "--json"], { directory, env: {} });
    expect(broken).toMatchObject({ code: 1, json: { platform: "android_apk", validation_status: "failed" } });
    expect(broken.json.findings.length).toBeGreaterThan(0);
  });

  it("usage.missing_option: a name that tells nothing", async () => {
    await writeFile(join(directory, "acme.zip"), "x");
    const run = await runCli(["inspect", "acme.zip", "--json"], { directory, env: {} });
    expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.missing_option" } } });
  });

  it("validation.file_not_found: no file", async () => {
    const run = await runCli(["inspect", "missing.apk", "--json"], { directory, env: {} });
    expect(run.json.error.code).toBe("validation.file_not_found");
  });
});

describe("store export and import", () => {
  async function* exportStore() {
    yield '{"seq":1}\n';
    yield '{"seq":"ü"}\n';
  }

  it("writes the document to standard output, or to a file with a report", async () => {
    const stream = await runCli(["store", "export"], { registry: { exportStore } });
    expect(stream.stdout).toBe('{"seq":1}\n{"seq":"ü"}\n');
    const file = await runCli(["store", "export", "--output", "db.json", "--json"], {
      directory,
      registry: { exportStore },
    });
    expect(file.json).toEqual({ ok: true, path: join(directory, "db.json"), bytes: 23 });
    expect(await readFile(join(directory, "db.json"), "utf8")).toBe(stream.stdout);
  });

  it("keeps the old file when the export fails half way", async () => {
    await writeFile(join(directory, "db.json"), "old");
    async function* failing() {
      yield "half";
      throw new Error("broken");
    }
    const run = await runCli(["store", "export", "--output", "db.json"], {
      directory,
      registry: { exportStore: failing },
    });
    expect(run.code).toBe(1);
    expect(await readFile(join(directory, "db.json"), "utf8")).toBe("old");
    expect(await readdir(directory)).toEqual(["db.json"]);
  });

  const importing = () => {
    const lines: string[] = [];
    const importStore: Registry["importStore"] = async (source) => {
      for await (const line of source) lines.push(line);
      return {
        ok: true,
        problems: [],
        log_id: "log_1",
        events: lines.length,
        objects: { adopted: 0, missing: [] },
      };
    };
    return { lines, registry: { importStore } };
  };

  it("reads lines from DIR/db.json, a file, or standard input", async () => {
    await writeFile(join(directory, "db.json"), "one\ntwo\n");
    await writeFile(join(directory, "other.json"), "three");
    const { lines, registry } = importing();
    await runCli(["store", "import"], { registry, directory: "/", env: { DIST_STORE: directory } });
    await runCli(["store", "import", "other.json"], { registry, directory });
    await runCli(["store", "import", "-"], { registry, stdin: "four\nfive\n" });
    expect(lines).toEqual(["one\n", "two\n", "three", "four\n", "five\n"]);
  });

  it("opens no store when there is nothing to import", async () => {
    const onOpen = () => {
      throw new Error("opened");
    };
    const run = await runCli(["store", "import", "missing.json", "--json"], { directory, onOpen });
    expect(run.json.error.code).toBe("validation.file_not_found");
  });

  it("cli.line_too_long and cli.file_unreadable: what is no export", async () => {
    const { registry } = importing();
    await writeFile(join(directory, "long"), "x".repeat(1024 * 1024 + 1));
    await writeFile(join(directory, "binary"), Buffer.from([0xff, 0xfe]));
    const long = await runCli(["store", "import", "long", "--json"], { directory, registry });
    expect(long.json.error.code).toBe("cli.line_too_long");
    const binary = await runCli(["store", "import", "binary", "--json"], { directory, registry });
    expect(binary.json.error.code).toBe("cli.file_unreadable");
  });
});

describe("store cleanup", () => {
  it("says what would go and why, and deletes only with --apply", async () => {
    const applied: unknown[] = [];
    const cleanupStore: Registry["cleanupStore"] = async (options) => {
      applied.push(options?.apply);
      return {
        ok: true,
        problems: [],
        applied: options?.apply === true,
        kept: [{ id: "rel_1", kind: "release", bytes: 5 }],
        deleted: [{ id: "sha256:1", kind: "object", bytes: 2048 }],
        reasons: {
          rel_1: [{ rule: "channel.current", until: null, ref: "beta", text: "beta points at it" }],
          "sha256:1": [{ rule: "unreferenced", until: null, ref: null, text: "nothing refers to it" }],
        },
        next: null,
      };
    };
    const dry = await runCli(["store", "cleanup"], { registry: { cleanupStore } });
    expect(dry.stdout).toContain("beta points at it");
    expect(dry.stdout).toContain("Would delete 1 thing, 2.0 KiB; kept 1 thing.");
    await runCli(["store", "cleanup", "--apply"], { registry: { cleanupStore } });
    expect(applied).toEqual([false, true]);
  });
});
