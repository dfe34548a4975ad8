import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { parseCommandLine } from "../../src/cli/program.ts";
import { dist } from "../../src/cli/programs.ts";
import { startTestServer, type TestServer } from "../server/process-server.ts";
import { needs } from "../support/required-tools.ts";
import { tarGzBytes } from "../support/test-store.ts";
import { type ConsoleBrowser, expectAccessible, openConsole } from "./console-browser.ts";
import { fillConsoleStore } from "./console-store.ts";
import { takeShots } from "./shots.ts";

/** Where pictures of all pages go, for people to look at. */
const shots = process.env["DIST_SHOTS"];

needs("chromium")("the console", () => {
  let site: TestServer;
  let shown: ConsoleBrowser;
  /** An administrator's window, with and without scripts. */
  let context: BrowserContext;
  let plain: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    site = await startTestServer(undefined);
    await fillConsoleStore(site);
    shown = await openConsole(site.server.url);
    context = await shown.newContext();
    plain = await shown.newContext({ javaScriptEnabled: false });
    const { secret } = await site.registry.createToken({ name: "root", scopes: ["admin"] });
    page = await shown.signIn(context, secret);
    await shown.signIn(plain, secret);
  }, 120_000);
  afterAll(async () => {
    if (shots !== undefined) {
      const { secret } = await site.registry.createToken({ name: "pictures", scopes: ["admin"] });
      const own = await shown.newContext();
      await shown.signIn(own, secret);
      await takeShots(shown.browser, site.server.url, await own.cookies(), await everyPage(), shots);
    }
    await shown.close();
    await site.close();
  }, 600_000);

  const open = async (path: string, on: Page = page) => {
    const answer = await on.goto(`${site.server.url}${path}`);
    return answer!.status();
  };
  const heading = (on: Page = page) => on.getByRole("heading", { level: 1 }).textContent();
  const app = "/admin/apps/fieldnote";
  const releaseOf = (version: string) => site.registry.getRelease("fieldnote", { release: version });
  const heldPackage = async () => (await site.registry.listPackages({ subject: "nemaki 3.0.0" })).items[0]!;
  const channelOf = (name: string) => site.registry.getChannel("fieldnote", name);

  async function everyPage(): Promise<string[]> {
    const newer = (await releaseOf("4.3.0")).id;
    const older = (await releaseOf("4.1.3")).id;
    const held = await heldPackage();
    const [token] = (await site.registry.listTokens()).items;
    const demos = (await site.registry.getRelease("demos", { release: "5.0.0" })).id;
    return [
      "/admin/",
      "/admin/apps",
      app,
      "/admin/apps/hostile",
      "/admin/apps/empty",
      `${app}/releases/${newer}`,
      `/admin/apps/demos/releases/${demos}`,
      `${app}/releases/${newer}/compare?with=${older}`,
      `${app}/releases/${newer}/revoke`,
      `${app}/channels/stable`,
      `${app}/channels/stable/promote`,
      `${app}/channels/stable/promote?release=${newer}`,
      `${app}/channels/beta/promote?release=${older}`,
      `${app}/channels/stable/rollback`,
      `${app}/channels/nightly/rollback`,
      `${app}/channels/stable/settings`,
      `${app}/channels/new`,
      `${app}/settings`,
      `${app}/publish`,
      `${app}/preview`,
      "/admin/packages",
      "/admin/packages?status=failed",
      `/admin/packages/${held.id}`,
      `/admin/packages/${held.id}/hold`,
      `/admin/packages/${held.id}/extend`,
      "/admin/retention",
      "/admin/retention/cleanup",
      "/admin/audit",
      "/admin/audit?app=fieldnote&action=channel.promoted",
      "/admin/tokens",
      "/admin/tokens/new",
      `/admin/tokens/${token!.id}/revoke`,
      "/admin/search?q=4.3.0",
      "/admin/search?q=nothing-of-the-kind",
      "/admin/settings",
      "/admin/keys",
      "/admin/components",
    ];
  }

  it("has pages of which the browser refuses nothing, and in which nothing of others runs", async () => {
    shown.complaints.length = 0;
    for (const path of await everyPage()) {
      expect(await open(path), path).toBe(200);
      expect(await page.evaluate("getComputedStyle(document.body).margin"), path).toBe("0px");
      expect(await page.locator("[onerror], [onload], [onclick], [style]").count(), path).toBe(0);
      const bytes = (await page.content()).length;
      expect(bytes, path).toBeLessThan(150_000);
    }
    expect(await page.title()).not.toBe("run");
    expect(shown.complaints).toEqual([]);
  });

  it("has pages without a finding of axe, in light and dark, on a phone and on a screen", async () => {
    for (const path of await everyPage()) {
      await open(path);
      await expectAccessible(page, path);
    }
  }, 300_000);

  it("names commands that there are, with options that they take", async () => {
    const seen = new Set<string>();
    for (const path of await everyPage()) {
      await open(path);
      for (const text of await page.locator("code.cmd").allTextContents()) seen.add(text);
    }
    expect(seen.size).toBeGreaterThan(10);
    for (const text of seen) {
      const [program, ...argv] = text.split(" ").map((word) => word.replaceAll('"', ""));
      expect([text, program, parseCommandLine(argv, dist).kind]).toEqual([text, "dist", "command"]);
    }
  });

  it("says the versions, sizes and states that the API says", async () => {
    await open(app);
    for (const release of (await site.registry.listReleases("fieldnote")).items) {
      const row = page.locator(`tr[data-id="${release.id}"]`);
      const text = await row.textContent();
      expect(text).toContain(release.version);
      expect(text).toContain(release.status === "revoked" ? "Revoked" : "Published");
      for (const name of release.current_in) expect(text).toContain(name);
    }
    await open("/admin/");
    expect(await page.getByText("things need a decision").textContent()).toBe(
      `${(await site.registry.storeDecisions()).decisions.length} things need a decision.`,
    );
  });

  it("shows each rule that refuses a promotion, and offers no button", async () => {
    const { id } = await releaseOf("4.3.0");
    await open(`${app}/channels/stable/promote?release=${id}`);
    expect(await page.getByText("Was there for long enough").isVisible()).toBe(true);
    expect(await page.getByText("channel.policy_refused").isVisible()).toBe(true);
    expect(await page.getByRole("button", { name: /^Point stable/ }).count()).toBe(0);
    expect((await channelOf("stable")).current_version).toBe("4.2.1");
  });

  it("promotes by keyboard alone, from the list of releases", async () => {
    await open(app);
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await page.waitForURL("**/admin/apps");
    await open(`${app}/channels/beta`);
    await page.keyboard.press("p");
    await page.waitForURL("**/promote");
    await tabTo(page, "4.1.3 (2061)");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/promote?release=*");
    await tabTo(page, "How many requests get 4.1.3 (2061)");
    await tabTo(page, "Reason");
    await page.keyboard.type("to see whether the export breaks there, too");
    await tabTo(page, "Point beta at 4.1.3 (2061)");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/channels/beta");
    expect(await channelOf("beta")).toMatchObject({ current_version: "4.1.3" });
    const history = await site.registry.channelHistory("fieldnote", "beta");
    expect(history.items.at(-1)).toMatchObject({
      actor: "token:root",
      reason: "to see whether the export breaks there, too",
    });
    expect(await page.getByText("to see whether the export").isVisible()).toBe(true);
  });

  it("refuses to move a pointer that somebody else moved meanwhile, and shows what is there now", async () => {
    const { id } = await releaseOf("4.2.1");
    await open(`${app}/channels/beta/promote?release=${id}`);
    await site.registry.promote("fieldnote", "beta", { release: "4.3.0" });
    await page.getByRole("button", { name: "Point beta at 4.2.1 (2114)" }).click();
    expect(await page.getByRole("alert").textContent()).toContain("channel.moved");
    expect(await page.locator(".move").textContent()).toContain("4.3.0");
    expect((await channelOf("beta")).current_version).toBe("4.3.0");
  });

  it("rolls back and revokes without scripts", async () => {
    const on = plain.pages()[0]!;
    await open(`${app}/channels/beta`, on);
    await on.getByRole("link", { name: "Roll back…" }).click();
    await on.getByLabel("Reason", { exact: true }).fill("the export breaks");
    await on.getByRole("button", { name: "Point beta back at 4.1.3 (2061)" }).click();
    expect(await heading(on)).toBe("beta");
    expect((await channelOf("beta")).current_version).toBe("4.1.3");

    const { id } = await releaseOf("4.4.0-nightly.1120");
    await open(`${app}/releases/${id}`, on);
    await on.getByRole("link", { name: "Revoke…" }).click();
    await on.getByLabel("Reason", { exact: true }).fill("built from the wrong branch");
    await on.getByRole("button", { name: /^Revoke/ }).click();
    expect(await on.getByText("Revoked").first().isVisible()).toBe(true);
    expect((await releaseOf("4.4.0-nightly.1120")).status).toBe("revoked");
    expect((await channelOf("nightly")).current_release_id).toBeNull();
  });

  describe("publishes by hand", () => {
    let file: string;
    beforeAll(async () => {
      file = join(site.directory, "by-hand.tar.gz");
      await writeFile(file, tarGzBytes("x".repeat(300_000)));
    });

    it("what was dropped on the page, with its progress", async () => {
      await open(`${app}/publish`);
      await page.getByLabel("Version", { exact: true }).fill("4.5.0");
      await page.getByLabel("Channel", { exact: true }).selectOption("internal");
      await page.getByLabel("Files", { exact: true }).setInputFiles(file);
      await page.getByRole("button", { name: "Publish" }).click();
      await page.waitForURL("**/releases/rel_*");
      expect(await heading()).toContain("4.5.0");
      expect(await channelOf("internal")).toMatchObject({ current_version: "4.5.0" });
      const { artifacts } = await releaseOf("4.5.0");
      expect(artifacts).toMatchObject([{ filename: "by-hand.tar.gz", platform: "linux", format: "tar" }]);
    });

    it("without scripts, too", async () => {
      const on = plain.pages()[0]!;
      await open(`${app}/publish`, on);
      await on.getByLabel("Version", { exact: true }).fill("4.5.1");
      await on.getByLabel("Files", { exact: true }).setInputFiles(file);
      await on.getByRole("button", { name: "Publish" }).click();
      expect(await heading(on)).toContain("4.5.1");
    });

    it("nothing where it is refused, and says why on the form as it was", async () => {
      for (const on of [page, plain.pages()[0]!]) {
        await open(`${app}/publish`, on);
        await on.getByLabel("Version", { exact: true }).fill("4.5.1");
        await on.getByLabel("Notes", { exact: true }).fill("kept");
        await on.getByLabel("Platform", { exact: true }).selectOption("ios");
        await on.getByLabel("Files", { exact: true }).setInputFiles(file);
        await on.getByRole("button", { name: "Publish" }).click();
        expect(await on.getByRole("alert").textContent()).toContain("Nothing was changed");
        expect(await on.getByLabel("Notes", { exact: true }).inputValue()).toBe("kept");
      }
    });
  });

  it("keeps settings of channels and apps, and says what is wrong with them beside the field", async () => {
    await open(`${app}/channels/new`);
    await page.getByLabel("Name", { exact: true }).fill("Pilot!");
    await page.getByRole("button", { name: "Add the channel" }).click();
    expect(await page.getByLabel("Name", { exact: true }).getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Name", { exact: true }).fill("pilot");
    await page.getByLabel("From", { exact: true }).selectOption("internal");
    await page.getByLabel("For at least so many seconds there").fill("86400");
    await page.getByRole("button", { name: "Add the channel" }).click();
    expect(await channelOf("pilot")).toMatchObject({
      policy: { promote: "manual", from: "internal", min_time_seconds: 86_400 },
    });

    await open(`${app}/settings`);
    await page
      .getByLabel(/^TestFlight/)
      .first()
      .check();
    await page.getByRole("button", { name: "Keep these settings" }).click();
    expect(await page.getByRole("alert").textContent()).toContain("app.testflight_url_required");
    await page.getByLabel("TestFlight link").fill("https://testflight.apple.com/join/a1B2c3D4");
    await page.getByRole("button", { name: "Keep these settings" }).click();
    expect(await site.registry.getApp("fieldnote")).toMatchObject({ ios_mode: "testflight" });
  });

  it("makes a token, shows it once, and revokes it", async () => {
    await open("/admin/tokens/new");
    await page.getByLabel("Name", { exact: true }).fill("ci-new");
    await page.getByRole("button", { name: "Make the token" }).click();
    expect(await page.getByRole("alert").textContent()).toContain("token.invalid_scope");
    await page.getByLabel(/^publish /).check();
    await page.getByLabel("Only for the app").fill("fieldnote");
    await page.getByRole("button", { name: "Make the token" }).click();
    await page.getByRole("heading", { name: /is made$/ }).waitFor();
    const secret = (await page.locator("code.cmd").textContent())!;
    const principal = await site.store.authenticate(secret);
    expect(principal).toMatchObject({ actor: "token:ci-new", app: "fieldnote" });
    expect([...principal.scopes]).toEqual(["publish"]);
    await open("/admin/tokens");
    expect(await page.content()).not.toContain(secret);
    const row = page.locator("tr", { hasText: "ci-new" });
    await row.getByRole("link", { name: "Revoke…" }).click();
    await page.getByRole("button", { name: "Revoke it" }).click();
    expect(await page.locator("tr", { hasText: "ci-new" }).textContent()).toContain("revoked");
    await expect(site.store.authenticate(secret)).rejects.toThrow("revoked");
  });

  it("holds, extends and releases a package, without scripts", async () => {
    const on = plain.pages()[0]!;
    const { id } = (await site.registry.listPackages({ subject: "nemaki 3.0.1" })).items[0]!;
    const path = `/admin/packages/${id}`;
    await open(path, on);
    await on.getByRole("link", { name: "Hold…" }).click();
    await on.getByLabel("Case").fill("NL-1");
    await on.getByLabel("Reason", { exact: true }).fill("asked for by the auditor");
    await on.getByRole("button", { name: "Hold the package" }).click();
    const holds = on.getByRole("complementary").getByText("asked for by the auditor", { exact: true });
    expect(await holds.isVisible()).toBe(true);
    await open(`${path}/extend`, on);
    await on.getByLabel("Until").fill("2026-11-21");
    await on.getByLabel("Reason", { exact: true }).fill("too early");
    await on.getByRole("button", { name: "Keep it for longer" }).click();
    expect(await on.getByRole("alert").textContent()).toContain("retention.not_later");
    await on.getByLabel("Until").fill("2040-01-01");
    await on.getByRole("button", { name: "Keep it for longer" }).click();
    expect(await site.registry.getRetention(id)).toMatchObject({
      current_expires_at: "2040-01-01T00:00:00.000Z",
      holds: [{ case: "NL-1" }],
    });
    await on.getByRole("link", { name: "Release…" }).click();
    await on.getByLabel("Reason", { exact: true }).fill("settled");
    await on.getByRole("button", { name: "Release the hold" }).click();
    expect((await site.registry.getRetention(id)).holds).toEqual([]);
  });

  it("exports of the log what the API says, as JSON Lines and CSV", async () => {
    const filter = { app: "fieldnote", action: "channel.promoted" };
    const all = (await site.registry.listAudit({ ...filter, order: "ascending" })).items;
    const fetched = async (format: string) => {
      const query = new URLSearchParams({ ...filter, format }).toString();
      const answer = await page.request.get(`${site.server.url}/admin/audit/export?${query}`);
      return await answer.text();
    };
    const lines = (await fetched("jsonl")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(all);
    const [head, ...rows] = (await fetched("csv")).trimEnd().split("\r\n");
    expect(head).toBe("id,created_at,action,actor,actor_id,target_type,target_id,metadata");
    expect(rows.map((row) => Number(row.split(",")[0]))).toEqual(all.map(({ id }) => id));
  });

  it("finds apps, versions and ids", async () => {
    await open("/admin/");
    await page.keyboard.press("/");
    await page.keyboard.type("4.3.0");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "4.3.0 2187" }).click();
    expect(await heading()).toContain("4.3.0");
    const { id } = await heldPackage();
    await open(`/admin/search?q=${id}`);
    expect(new URL(page.url()).pathname).toBe(`/admin/packages/${id}`);
  });

  it("leaves of a long list what fits as somebody types", async () => {
    await open("/admin/audit");
    const rows = page.getByRole("region", { name: "Events, latest first" }).locator("tbody tr");
    await page.getByLabel("Filter these rows").fill("token made");
    const left = await rows.filter({ visible: true }).allTextContents();
    expect(left.length).toBeGreaterThan(2);
    for (const text of left) expect(text.toLowerCase()).toMatch(/token.*made|made.*token/s);
    expect(await page.getByText(`${left.length} of 50 on this page`).count()).toBe(1);
    await page.getByLabel("Filter these rows").fill("");
    expect(await rows.filter({ visible: true }).count()).toBe(50);
  });

  it("tells of new events without moving anything", async () => {
    await open("/admin/audit");
    await page.getByText("Live", { exact: true }).waitFor();
    const before = await page.locator("tbody tr").count();
    await site.registry.setChannel("fieldnote", "fresh", {});
    await page.getByRole("link", { name: /new event/ }).waitFor();
    expect(await page.locator("tbody tr").count()).toBe(before);
    await page.keyboard.press(".");
    await page.getByText("fresh", { exact: true }).first().waitFor();
  });

  it("tells of new events that fit the filter, and of no others", async () => {
    await open("/admin/audit?action=channel.created&app=fieldnote&until=2026-01-01");
    expect(await page.getByText("Live", { exact: true }).count()).toBe(0);
    await open("/admin/audit?action=channel.created&app=fieldnote");
    await page.getByText("Live", { exact: true }).waitFor();
    await site.registry.setChannel("empty", "elsewhere", {});
    await site.registry.setChannel("fieldnote", "fresh", { policy: { promote: "manual" } });
    await site.registry.setChannel("fieldnote", "fresher", {});
    await page.getByRole("link", { name: "1 new event. Show it" }).click();
    await page.getByText("fresher", { exact: true }).first().waitFor();
  });

  it("keeps its looks, and single keys can be switched off", async () => {
    await open("/admin/settings");
    await page.getByLabel("Dark").check();
    await page.getByLabel("Do nothing").check();
    await page.getByRole("button", { name: "Keep" }).click();
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
    await page.keyboard.press("?");
    expect(new URL(page.url()).pathname).toBe("/admin/settings");
    await page.getByLabel("As the system has them").check();
    await page.getByLabel("Open pages and move in lists").check();
    await page.getByRole("button", { name: "Keep" }).click();
    await page.locator("html:not([data-theme])").waitFor();
    await page.keyboard.press("?");
    await page.waitForURL("**/admin/keys");
  });

  it("offers a viewer nothing that they may not do, and refuses it when it is sent all the same", async () => {
    const viewer = await shown.newContext();
    const { secret } = await site.registry.createToken({ name: "looks", scopes: ["read", "audit"] });
    const on = await shown.signIn(viewer, secret);
    await open(app, on);
    for (const name of ["Promote…", "Roll back…", "Publish files…", "Add a channel…", "Settings"]) {
      expect(await on.locator("main").getByRole("link", { name, exact: true }).count(), name).toBe(0);
    }
    const csrf = await on.locator('input[name="csrf"]').first().inputValue();
    const { id } = await releaseOf("4.3.0");
    for (const [path, form] of [
      [`${app}/channels/stable/promote`, { release: id, rollout_percent: "100" }],
      [`${app}/channels/stable/rollback`, {}],
      [`${app}/releases/${id}/revoke`, {}],
      [`${app}/channels/new`, { name: "mine", promote: "auto" }],
      [`${app}/settings`, { display_name: "Mine", visibility: "public", ios_mode: "artifact_only" }],
      [`${app}/settings/signers`, { signer_pinning: "manual" }],
    ] as const) {
      const answer = await on.request.post(`${site.server.url}${path}`, { form: { csrf, ...form } });
      expect([path, answer.status()]).toEqual([path, 403]);
    }
    expect((await channelOf("stable")).current_version).toBe("4.2.1");
    await viewer.close();
  });

  it("signs out, here and everywhere", async () => {
    await open("/admin/");
    await page.getByRole("button", { name: "Sign out" }).click();
    expect(await heading()).toBe("Sign in");
    await open(app);
    expect(await heading()).toBe("Sign in");
    const { secret } = await site.registry.createToken({ name: "twice", scopes: ["admin"] });
    const [one, other] = [
      await shown.newContext(),
      await shown.newContext({ viewport: { width: 390, height: 900 } }),
    ];
    const [first, second] = [await shown.signIn(one, secret), await shown.signIn(other, secret)];
    await open("/admin/settings", second);
    await second.getByRole("button", { name: "Sign out everywhere" }).click();
    await open(app, first);
    expect(await heading(first)).toBe("Sign in");
  });
});

/** Presses Tab until the element with this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let step = 0; step < 80; step += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate<string>(`(() => {
      const element = document.activeElement;
      return (element?.labels?.[0] ?? element)?.textContent?.trim() ?? "";
    })()`);
    if (focused === name) return;
  }
  throw new Error(`${name} is not reached by Tab`);
}
