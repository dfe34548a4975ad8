import { Writable } from "node:stream";

import { describe, expect, it } from "vitest";

import { DistError, type ErrorKind } from "../base/errors.ts";
import { cliErrors } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";
import { appRecord, auditRecord } from "./testing/records.ts";
import { runCli } from "./testing/run-cli.ts";

describe("usage errors", () => {
  const store = ["--local-store", "store"];
  const wrong: [code: string, argv: string[]][] = [
    ["usage.missing_command", []],
    ["usage.missing_command", ["app"]],
    ["usage.unknown_command", ["ap"]],
    ["usage.unknown_command", ["app", "lst"]],
    ["usage.unknown_option", ["app", "list", "--limitt", "3"]],
    ["usage.unknown_option", ["--bogus", "app", "list"]],
    ["usage.missing_option", ["app", "show", ...store]],
    ["usage.missing_option", ["token", "create", "--name", "ci", ...store]],
    ["usage.missing_option", ["release", "draft", "--app", "acme", ...store]],
    ["usage.missing_argument", ["release", "show", "--app", "acme", ...store]],
    ["usage.missing_argument", ["release", "download", "--app", "acme", ...store]],
    ["usage.too_many_arguments", ["release", "show", "1", "2", "--app", "acme", ...store]],
    ["usage.missing_value", ["app", "show", ...store, "--app"]],
    ["usage.invalid_value", ["app", "list", ...store, "--limit", "many"]],
    ["usage.invalid_value", ["app", "list", ...store, "--limit", "-1"]],
    ["usage.invalid_value", ["app", "create", ...store, "--app", "acme", "--pin", "ios"]],
    ["usage.invalid_value", ["token", "create", ...store, "--name", "ci", "--scope", "everything"]],
    ["usage.invalid_value", ["completion", "tcsh"]],
    [
      "usage.conflicting_options",
      ["release", "download", "1", "--channel", "beta", "--app", "acme", ...store],
    ],
    ["usage.conflicting_options", ["audit", "list", "--follow", "--after", "x", ...store]],
    ["usage.store_required", ["app", "list"]],
    ["usage.store_and_server", ["app", "list", ...store, "--server", "https://x"]],
    ["usage.token_with_store", ["app", "list", ...store, "--token", "dist_x"]],
  ];

  it.each(wrong)("%s: dist %j", async (code, argv) => {
    const json = await runCli(["--json", ...argv], { env: {} });
    expect(json.code).toBe(2);
    expect(json.json.error.code).toBe(code);
    expect(json.stderr).toBe("");
  });

  it.each(wrong)("%s, for people: dist %j", async (code, argv) => {
    const people = await runCli(argv, { env: {} });
    expect(people.code).toBe(2);
    expect(people.stdout).toBe("");
    expect(people.stderr).toMatch(code === "usage.missing_command" ? /^Usage: /m : /^error: [A-Z-].*\.\s/);
    if (code !== "usage.missing_command") expect(people.stderr).toContain(`(${code})`);
  });

  it("suggests the command or option that was meant", async () => {
    expect((await runCli(["app", "lst"])).stderr).toContain("Did you mean list?");
    expect((await runCli(["app", "list", "--limitt", "3"])).stderr).toContain("Did you mean --limit?");
  });
});

describe("help and version", () => {
  it.each([["--help"], ["help"], ["ci", "publish", "--help"], ["help", "ci", "publish"], ["app", "--help"]])(
    "dist %s prints help and is content",
    async (...argv) => {
      const { code, stdout, stderr } = await runCli(argv, { env: {} });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain("Usage: dist");
    },
  );

  it("prints the package's version", async () => {
    expect((await runCli(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("options before the command", () => {
  it("count as if they stood after it, and those after it win", async () => {
    const listApps = async () => ({ items: [], next: null });
    const { code, json } = await runCli(["--json", "--local-store", "a", "app", "list"], {
      env: {},
      registry: { listApps },
    });
    expect({ code, json }).toEqual({ code: 0, json: { items: [], next: null } });
  });
});

describe("exit codes", () => {
  const kinds = Object.keys(exitCodes).filter(
    (reason) => !["usage", "interrupted", "terminated"].includes(reason),
  ) as ErrorKind[];

  it.each(kinds)("follow the kind: %s", async (kind) => {
    const getApp = async () => {
      throw new DistError("some.code", kind, "No.", { details: { app: "acme" }, hint: "Try." });
    };
    const { code, json } = await runCli(["app", "show", "--app", "acme", "--json"], { registry: { getApp } });
    expect(code).toBe(exitCodes[kind]);
    expect(json).toEqual({
      error: { code: "some.code", message: "No.", details: { app: "acme" }, hint: "Try." },
    });
  });

  it("are those of the contract", () => {
    expect(exitCodes).toMatchObject({
      not_found: 1,
      denied: 1,
      conflict: 1,
      usage: 2,
      unavailable: 3,
      corrupt: 4,
      interrupted: 130,
    });
  });

  it("internal.unexpected stands for whatever is no error of ours; where it happened shows on request", async () => {
    const getApp = async () => {
      throw new TypeError("x is not a function");
    };
    const argv = ["app", "show", "--app", "acme", "--json"];
    const plain = await runCli(argv, { registry: { getApp } });
    expect(plain.code).toBe(1);
    expect(plain.json.error).toMatchObject({
      code: "internal.unexpected",
      message: "Unexpected: x is not a function",
    });
    expect(plain.stderr).toBe("");
    const debug = await runCli(argv, { registry: { getApp }, env: { DIST_STORE: "s", DIST_DEBUG: "1" } });
    expect(debug.stderr).toContain("run.test.ts");
    expect(debug.json.error.code).toBe("internal.unexpected");
  });

  it("4 with the report, not an error, when a store is found damaged", async () => {
    const report = {
      ok: false,
      problems: [{ code: "object.damaged", message: "Other bytes.", target: "sha256:1" }],
      collectable: [],
      checked: { events: 1, objects: 1, bytes: 1, references: 1 },
    };
    const { code, json } = await runCli(["store", "verify", "--json"], {
      registry: { verifyStore: async () => report },
    });
    expect(code).toBe(4);
    expect(json).toEqual(report);
    const people = await runCli(["store", "verify"], { registry: { verifyStore: async () => report } });
    expect(people.stdout).toContain("object.damaged");
  });
});

describe("the registry", () => {
  it("is closed, also after a refusal, and created only by commands that create", async () => {
    const seen: unknown[] = [];
    const hooks = {
      onOpen: ({ create }: { create: boolean }) => seen.push(create),
      onClose: () => seen.push("closed"),
    };
    await runCli(["app", "show", "--app", "acme"], hooks);
    await runCli(["app", "create", "--app", "acme"], {
      ...hooks,
      registry: { createApp: async () => appRecord },
    });
    expect(seen).toEqual([false, "closed", true, "closed"]);
  });

  it("is not opened for a command line that is wrong", async () => {
    const onOpen = () => {
      throw new Error("opened");
    };
    expect((await runCli(["app", "show"], { onOpen })).stderr).toContain("usage.missing_option");
  });

  it("speaks to a server with the token of a file, and asks nobody before a method is called", async () => {
    const { openRegistry } = await import("./open-registry.ts");
    const { readEnvironment } = await import("../config/environment.ts");
    const open = (path: string) =>
      openRegistry({ kind: "server", url: "https://x", token: { kind: "file", path } }, readEnvironment({}), {
        create: false,
      });
    await expect(open("/nowhere/token")).rejects.toMatchObject({ code: "cli.file_unreadable" });
    await expect(open("/dev/null")).rejects.toMatchObject({ code: "auth.malformed_token" });
  });

  it("client.not_remote: a store is imported where it is", async () => {
    const { openRegistry } = await import("./open-registry.ts");
    const { readEnvironment } = await import("../config/environment.ts");
    const opened = await openRegistry(
      { kind: "server", url: "https://x", token: null },
      readEnvironment({}),
      {
        create: true,
      },
    );
    await expect(opened.registry.importStore((async function* () {})())).rejects.toMatchObject({
      code: "client.not_remote",
      kind: "invalid",
    });
    await opened.close();
  });
});

describe("interruption", () => {
  it.each([
    ["interrupted", 130],
    ["terminated", 143],
  ])("%s ends with %i once the command has cleaned up", async (reason, expected) => {
    const stop = new AbortController();
    let closed = false;
    const verifyStore = async () => {
      stop.abort(reason);
      throw new Error("aborted");
    };
    const run = await runCli(["store", "verify", "--json"], {
      registry: { verifyStore },
      signal: stop.signal,
      onClose: () => (closed = true),
    });
    expect(run.code).toBe(expected);
    expect(run.json.error.code).toBe("cli.interrupted");
    expect(closed).toBe(true);
  });

  // The work was done before the signal could stop it; saying otherwise would make a job publish twice.
  it("that comes too late changes nothing", async () => {
    const stop = new AbortController();
    const createApp = async () => {
      stop.abort("interrupted");
      return appRecord;
    };
    const run = await runCli(["app", "create", "--app", "acme", "--json"], {
      registry: { createApp },
      signal: stop.signal,
    });
    expect(run.code).toBe(0);
    expect(run.json.slug).toBe("acme");
  });
});

describe("standard output", () => {
  it("that nobody reads ends quietly", async () => {
    const run = await runCli(["app", "list", "--json"], {
      registry: { listApps: async () => ({ items: [], next: null }) },
      stdout: failing("EPIPE"),
    });
    expect(run).toMatchObject({ code: 0, stderr: "" });
  });

  it("cli.output_failed: a full disk is told, with exit code 3", async () => {
    const run = await runCli(["app", "list"], {
      registry: { listApps: async () => ({ items: [], next: null }) },
      stdout: failing("ENOSPC"),
    });
    expect(run.code).toBe(exitCodes[cliErrors.definitions["cli.output_failed"].kind]);
    expect(run.stderr).toMatch(/^error: .*ENOSPC.*\(cli\.output_failed\)/);
  });

  it("gets no control characters from names that others chose", async () => {
    const nasty = { ...appRecord, display_name: "A\x1b]52;c;ZXZpbA==\x07\n\u202eB" };
    const { stdout } = await runCli(["app", "show", "--app", "acme"], {
      registry: { getApp: async () => nasty },
    });
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(stdout).toContain("A\\x1b]52;c;ZXZpbA==\\x07\\n\\u{202e}B");
  });

  it("with --json keeps names exactly", async () => {
    const nasty = { ...appRecord, display_name: "A\x1b\u202e" };
    const { json } = await runCli(["app", "show", "--app", "acme", "--json"], {
      registry: { getApp: async () => nasty },
    });
    expect(json.display_name).toBe(nasty.display_name);
  });

  function failing(code: string): Writable {
    return new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(`write ${code}`), { code })),
    });
  }
});

describe("audit list --follow", () => {
  it("prints the last ones oldest first, then each new one once, one JSON object per line, until stopped", async () => {
    const stop = new AbortController();
    const calls: unknown[] = [];
    const listAudit = async (filter: object = {}) => {
      calls.push(filter);
      if (calls.length === 1) return { items: [auditRecord(3), auditRecord(2)], next: "older" };
      if (calls.length === 2)
        return { items: [auditRecord(2), auditRecord(3), auditRecord(4)], next: "more" };
      stop.abort("interrupted");
      return { items: [auditRecord(5)], next: null };
    };
    const run = await runCli(["audit", "list", "--follow", "--json", "--limit", "2"], {
      registry: { listAudit },
      signal: stop.signal,
    });
    expect(run.code).toBe(130);
    expect(
      run.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id),
    ).toEqual([2, 3, 4, 5]);
    expect(calls[1]).toEqual({ since: auditRecord(3).created_at, order: "ascending", limit: 1000 });
    expect(calls[2]).toMatchObject({ after: "more" });
  });
});
