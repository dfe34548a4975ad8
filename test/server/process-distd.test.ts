import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { killPrograms, runDist } from "../support/programs.ts";
import { tarGzBytes } from "../support/test-store.ts";
import { beginUpload, run, SHOWN } from "./distd-program.ts";

let directory: string;
let store: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-distd-"));
  store = join(directory, "store");
});
afterEach(async () => {
  await killPrograms();
  await rm(directory, { recursive: true, force: true });
});

describe("distd", () => {
  it("makes a store and shows its first token once, outside the log; SIGTERM ends it well", async () => {
    const first = run(["--local-store", store, "--port", "0"]);
    const url = await first.url;
    const secret = first.secret() ?? "";
    expect((await fetch(`${url}/readyz`, { headers: { Authorization: `Bearer ${secret}` } })).status).toBe(
      200,
    );
    // Passes the credentials, and then there is no such page.
    const headers = { Authorization: `Bearer ${secret}` };
    expect((await fetch(`${url}/nothing`, { headers })).status).toBe(404);
    first.child.kill("SIGTERM");
    expect(await first.code).toBe(0);
    expect(first.stdout()).not.toContain(secret);
    const messages = first.log().map(({ msg }) => msg);
    expect(messages).toEqual(["jobs scheduled", "listening", "request", "stopping", "stopped"]);

    const second = run(["--local-store", store, "--port", "0"]);
    // The token is an administrator's, before and after.
    expect((await fetch(`${await second.url}/api/tokens`, { headers })).status).toBe(200);
    second.child.kill("SIGINT");
    expect(await second.code).toBe(0);
    expect(second.stderr()).toBe("");
  });

  // The token would otherwise be gone with a start that nobody noticed.
  it("shows no token where it cannot listen", async () => {
    const first = run(["--local-store", store, "--port", "0"]);
    const { port } = new URL(await first.url);
    const other = join(directory, "other");
    const second = run(["--local-store", other, "--port", port]);
    expect(await second.code).toBe(3);
    expect(second.stderr()).toContain("server.cannot_listen");
    expect(second.stderr()).not.toMatch(SHOWN);
    const third = run(["--local-store", other, "--port", "0"]);
    await third.url;
    expect(third.stderr()).toMatch(SHOWN);
  });

  // Each process counts for itself, and writes only every few seconds.
  it("has written every download that it counted when it has stopped, with several workers", async () => {
    const program = run(["--local-store", store, "--port", "0", "--workers", "2"]);
    const url = await program.url;
    const file = join(directory, "acme.tar.gz");
    const manifest = join(directory, "dist.json");
    await writeFile(file, tarGzBytes("acme"));
    await writeFile(
      manifest,
      JSON.stringify({
        app: "acme",
        version: "1",
        channel: "stable",
        artifacts: [{ platform: "linux", path: file }],
      }),
    );
    const remote = ["--server", url, "--token", program.secret() ?? ""];
    expect(await runDist(["ci", "publish", "--manifest", manifest, ...remote])).toMatchObject({ exit: 0 });
    for (let n = 0; n < 10; n += 1) {
      // A connection of its own each time, so that both workers get some.
      const headers = { connection: "close" };
      const answer = await fetch(`${url}/download/acme/stable/linux`, { headers });
      expect((await answer.arrayBuffer()).byteLength).toBe(tarGzBytes("acme").byteLength);
    }
    program.child.kill("SIGTERM");
    expect(await program.code).toBe(0);
    expect(await runDist(["app", "stats", "--app", "acme", "--local-store", store])).toMatchObject({
      json: { downloads: [{ channel: "stable", version: "1", platform: "linux", downloads: 10 }] },
    });
  });

  it("lets an upload under way finish when it is told to stop", async () => {
    const program = run(["--local-store", store, "--port", "0"]);
    const upload = await beginUpload(await program.url, program.secret());
    program.child.kill("SIGTERM");
    await program.line("stopping");
    upload.finish();
    expect(await program.code).toBe(0);
    expect(upload.received()).toMatch(/HTTP\/1\.1 201 /);
  });

  it("refuses every fault of its configuration at once", async () => {
    const file = join(directory, "more.toml");
    await writeFile(
      file,
      'public_url = "ftp://x"\ntrusted_proxies = ["proxy.example"]\n[server]\nsend_file = "on"\n',
    );
    const args = ["--local-store", store, "--config", file, "--port", "70000", "--public-url", "https://x/y"];
    const refused = run(args, { DIST_SERVER_HOST: "a b", DIST_SERVER_PROT: "1" });
    expect(await refused.code).toBe(1);
    for (const fault of [
      "public_url must be",
      "trusted_proxies must be",
      "server.send_file must be",
      "DIST_SERVER_HOST must be",
      "did you mean DIST_SERVER_PORT?",
      "--port must be",
      "--public-url must be",
      "config.invalid",
    ]) {
      expect(refused.stderr()).toContain(fault);
    }
    expect(existsSync(store)).toBe(false);
  });

  it("checks without changing anything", async () => {
    const checked = run(
      ["--local-store", store, "--check", "--json", "--public-url", "https://dist.example.org/"],
      {
        DIST_PUBLIC_URL: "https://beaten.example",
        DIST_TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8",
      },
    );
    expect(await checked.code).toBe(0);
    expect(JSON.parse(checked.stdout())).toMatchObject({
      ok: true,
      exists: false,
      settings: {
        host: "127.0.0.1",
        port: 8787,
        publicUrl: "https://dist.example.org",
        trustedProxies: ["127.0.0.1", "10.0.0.0/8"],
      },
    });
    expect(existsSync(store)).toBe(false);
  });

  it("checks beside a server on the same port, and a store that is there", async () => {
    const program = run(["--local-store", store, "--port", "0"]);
    const { port } = new URL(await program.url);
    const checked = run(["--local-store", store, "--port", port, "--check"]);
    expect(await checked.code).toBe(0);
    expect(checked.stdout()).toMatch(/^ok +listen +127\.0\.0\.1, port \d+, workers: 1$/m);
    expect(checked.stdout()).toMatch(/^ok +database .*: a store of this version$/m);
    program.child.kill("SIGTERM");
    expect(await program.code).toBe(0);
  });

  it("names every check with its result, also after one that failed", async () => {
    await writeFile(join(directory, "file"), "");
    const under = join(directory, "file", "store");
    const args = ["--local-store", under, "--check", "--public-url", "http://dist.example.org"];
    const [checked, inJson] = [run(args), run([...args, "--json"])];
    expect([await checked.code, await inJson.code]).toEqual([3, 3]);
    const lines = checked.stdout().trimEnd().split("\n");
    expect(lines.map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ["ok", "settings"],
      ["warning", "public_url"],
      ["ok", "listen"],
      ["failed", "directory"],
      ["ok", "database"],
      ["ok", "storage"],
    ]);
    expect(checked.stderr()).toContain("store.read_only");
    expect(JSON.parse(inJson.stdout())).toMatchObject({
      ok: false,
      error: { code: "store.read_only" },
      checks: expect.arrayContaining([
        expect.objectContaining({
          name: "directory",
          error: expect.objectContaining({ code: "store.read_only" }),
        }),
      ]),
    });
  });

  it.each([
    ["https://dist.example.org", /trusted_proxies names no proxy/],
    ["http://0.0.0.0:8787", /nobody can reach/],
    ["http://dist.example.org", /unencrypted/],
  ])("warns of %s as the public URL", async (url, warning) => {
    const checked = run(["--local-store", store, "--check", "--public-url", url]);
    expect(await checked.code).toBe(0);
    expect(checked.stdout()).toMatch(/^warning +public_url /m);
    expect(checked.stdout()).toMatch(warning);
  });

  it("needs a store, and a configuration file that is there", async () => {
    const nowhere = run([]);
    expect(await nowhere.code).toBe(2);
    expect(nowhere.stderr()).toContain("usage.store_required");
    const missing = run(["--local-store", store, "--config", join(directory, "missing.toml")]);
    expect(await missing.code).toBe(1);
    expect(missing.stderr()).toContain("missing.toml cannot be read");
  });
});
