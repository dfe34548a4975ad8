import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type CliOutcome, killPrograms, runDist } from "../support/programs.ts";
import { writeRelease } from "../support/release-files.ts";
import { tarGzBytes } from "../support/test-store.ts";
import { type Distd, startDistd } from "../server/distd.ts";

let distd: Distd;
/** A CI job's token: publishes acme to beta, and nothing else. */
let ciToken: string;

beforeAll(async () => {
  distd = await startDistd();
  ciToken = await distd.token(["publish"], { app: "acme", channel: "beta" });
});
afterAll(async () => {
  await distd.close();
  await killPrograms();
});

/** `dist ci publish` against the running server, as a job runs it. */
async function publish(
  release: Parameters<typeof writeRelease>[1],
  token = ciToken,
  ...more: readonly string[]
): Promise<CliOutcome> {
  const manifest = await writeRelease(distd.directory, { channel: "beta", ...release });
  return runDist(["ci", "publish", "--manifest", manifest, "--server", distd.url, ...more], {
    DIST_TOKEN: token,
  });
}

const refusal = ({ exit, json }: CliOutcome) => [exit, json.error.code as string];

/** Every version of the app, drafts included. */
async function versions(): Promise<string[]> {
  const { json } = await distd.api("GET", "/apps/acme/releases");
  return json.items.map(({ version }: { version: string }) => version);
}

describe("a CI job", () => {
  it("publishes a file and reads one JSON object back, whose links work", async () => {
    const bytes = tarGzBytes("the first build");
    const { exit, json } = await publish({ version: "1.0.0", build: "1", bytes });
    expect([exit, json.status, json.channel.name, json.channel.current_release_id]).toEqual([
      0,
      "published",
      "beta",
      json.release.id,
    ]);
    const [artifact] = json.artifacts;
    expect(artifact.url).toBe(`${distd.url}/download/${artifact.sha256}`);
    const download = await fetch(artifact.url);
    expect(Buffer.from(await download.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
  });

  it("that runs again is refused, or told that nothing changed, as it asks", async () => {
    await publish({ version: "1.1.0" });
    const before = await versions();
    expect(refusal(await publish({ version: "1.1.0" }))).toEqual([1, "transaction.integrity"]);
    const skipped = await publish({ version: "1.1.0" }, ciToken, "--if-exists", "skip");
    expect([skipped.exit, skipped.json.status]).toEqual([0, "unchanged"]);
    const other = await publish(
      { version: "1.1.0", bytes: tarGzBytes("other bytes") },
      ciToken,
      "--if-exists",
      "skip",
    );
    expect(refusal(other)).toEqual([1, "transaction.integrity"]);
    expect(await versions()).toEqual(before);
  });
});

describe("a token that may not", () => {
  it.each([
    ["is unknown", null, {}, "auth.unknown_token"],
    ["is another app's", "publish", { app: "other" }, "auth.wrong_app"],
    ["is another channel's", "publish", { channel: "stable" }, "auth.wrong_channel"],
    ["only reads", "read", {}, "auth.missing_scope"],
  ])("because it %s: exit 1, its code, nothing published", async (_, scope, limits, code) => {
    const token = scope === null ? `dist_${"0".repeat(64)}` : await distd.token([scope], limits);
    const before = await versions();
    expect(refusal(await publish({ version: "2.0.0" }, token))).toEqual([1, code]);
    expect(await versions()).toEqual(before);
  });

  it("because it was revoked, or has expired", async () => {
    const { json } = await distd.api("POST", "/tokens", { name: "revoked", scopes: ["publish"] });
    expect((await distd.api("POST", `/tokens/${json.id}/revoke`)).status).toBe(200);
    expect(refusal(await publish({ version: "2.0.0" }, json.secret))).toEqual([1, "auth.revoked"]);

    const expired = await distd.token(["publish"], { expires_in: "1s" });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(refusal(await publish({ version: "2.0.0" }, expired))).toEqual([1, "auth.expired"]);
    expect(await versions()).not.toContain("2.0.0");
  });
});

describe("where a command works", () => {
  it.each([
    ["both at once", ["--local-store", "STORE", "--server", "URL"], {}],
    ["both in the environment", [], { DIST_STORE: "STORE", DIST_SERVER: "URL" }],
    ["nowhere", [], {}],
  ])("%s is a usage error", async (_, args, env) => {
    const place = (text: string) => text.replace("STORE", distd.store).replace("URL", distd.url);
    const manifest = await writeRelease(distd.directory, { version: "3.0.0" });
    const outcome = await runDist(
      ["ci", "publish", "--manifest", manifest, ...args.map(place)],
      Object.fromEntries(Object.entries(env).map(([name, value]) => [name, place(value)])),
    );
    expect(outcome.exit).toBe(2);
    expect(outcome.json.error.code).toMatch(/^usage\./);
    expect(await versions()).not.toContain("3.0.0");
  });

  // Two processes, one store: what one writes the other must not answer from memory without.
  it("a release published into the store shows in the server's next answer, and the other way round", async () => {
    const page = `${distd.url}/install/acme/beta`;
    expect(await (await fetch(page)).text()).not.toContain("4.0.0");
    const manifest = await writeRelease(distd.directory, { version: "4.0.0", channel: "beta" });
    const local = await runDist(["ci", "publish", "--manifest", manifest, "--local-store", distd.store]);
    expect([local.exit, local.json.status]).toEqual([0, "published"]);
    expect(await (await fetch(page)).text()).toContain("4.0.0");
    expect((await fetch(`${distd.url}/download/acme/beta/linux`)).status).toBe(200);

    expect((await publish({ version: "4.1.0" })).exit).toBe(0);
    const shown = await runDist(["release", "show", "4.1.0", "--app", "acme", "--local-store", distd.store]);
    expect(shown.json.current_in).toEqual(["beta"]);
  });

  it("leaves a store in which everything is as it was recorded", async () => {
    const { exit, json } = await runDist(["store", "verify", "--local-store", distd.store]);
    expect([exit, json.problems]).toEqual([0, []]);
  });
});
