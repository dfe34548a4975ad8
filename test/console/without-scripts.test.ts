import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, type TestServer } from "../server/process-server.ts";
import { needs } from "../support/required-tools.ts";
import { type ConsoleBrowser, openConsole } from "./console-browser.ts";
import { fillConsoleStore } from "./console-store.ts";

const DAY_MS = 24 * 3_600_000;

needs("chromium")("the console without scripts", () => {
  let site: TestServer;
  let shown: ConsoleBrowser;
  let page: Page;
  let secret: string;

  beforeAll(async () => {
    site = await startTestServer(undefined);
    await fillConsoleStore(site);
    ({ secret } = await site.registry.createToken({ name: "root", scopes: ["admin"] }));
    shown = await openConsole(site.server.url);
    await signIn();
  }, 120_000);
  afterAll(async () => {
    expect(shown.complaints).toEqual([]);
    await shown.close();
    await site.close();
  });

  async function signIn(): Promise<void> {
    page = await shown.signIn(await shown.newContext({ javaScriptEnabled: false }), secret);
  }
  const open = (path: string) => page.goto(`${site.server.url}${path}`);
  const heading = () => page.getByRole("heading", { level: 1 }).textContent();

  it("shows no control that needs them", async () => {
    for (const path of [
      "/admin/",
      "/admin/apps/fieldnote",
      "/admin/apps/fieldnote/publish",
      "/admin/audit",
    ]) {
      await open(path);
      expect([path, await page.locator(".script-only:visible").count()]).toEqual([path, 0]);
    }
  });

  it("makes a token, shows it once, and revokes it", async () => {
    await open("/admin/tokens");
    await page.getByRole("link", { name: "New token…" }).click();
    await page.getByLabel("Name", { exact: true }).fill("by-hand");
    await page.getByLabel(/^read /).check();
    await page.getByRole("button", { name: "Make the token" }).click();
    const made = (await page.locator("code.cmd").textContent())!;
    expect((await site.store.authenticate(made)).actor).toBe("token:by-hand");
    await open("/admin/tokens");
    await page.locator("tr", { hasText: "by-hand" }).getByRole("link", { name: "Revoke…" }).click();
    await page.getByRole("button", { name: "Revoke it" }).click();
    expect(await heading()).toBe("Tokens");
    await expect(site.store.authenticate(made)).rejects.toThrow("revoked");
  });

  it("filters the log, pages through it, and exports it", async () => {
    await open("/admin/audit");
    await page.getByRole("link", { name: "Older" }).click();
    await page.getByRole("link", { name: "First page" }).click();
    await page.getByLabel("Event", { exact: true }).fill("channel.promoted");
    await page.getByLabel("App", { exact: true }).fill("fieldnote");
    await page.getByRole("button", { name: "Filter" }).click();
    const { items } = await site.registry.listAudit({ app: "fieldnote", action: "channel.promoted" });
    const table = page.getByRole("region", { name: "Events, latest first" });
    expect(await table.locator("tbody tr").count()).toBe(items.length);
    for (const name of ["JSON Lines", "CSV"]) {
      const begun = page.waitForEvent("download");
      await page.getByRole("link", { name, exact: true }).click();
      const text = await streamText(await (await begun).createReadStream());
      expect(text.trimEnd().split("\n").length).toBe(items.length + (name === "CSV" ? 1 : 0));
    }
    await page.getByRole("link", { name: "Show all" }).first().click();
    expect(await table.locator("tbody tr").count()).toBe(50);
  });

  it("finds by version, by digest and by id", async () => {
    await open("/admin/");
    await page.getByRole("searchbox").fill("4.3.0");
    await page.getByRole("searchbox").press("Enter");
    await page.getByRole("link", { name: "4.3.0 2187" }).click();
    expect(await heading()).toContain("4.3.0");
    const { id, artifacts } = await site.registry.getRelease("fieldnote", { release: "4.3.0" });
    await open(`/admin/search?q=${artifacts[0]!.sha256.slice(0, 12)}`);
    await page.getByRole("link", { name: artifacts[0]!.filename }).click();
    expect(new URL(page.url()).pathname).toBe(`/admin/apps/fieldnote/releases/${id}`);
    await open(`/admin/search?q=${id}`);
    expect(new URL(page.url()).pathname).toBe(`/admin/apps/fieldnote/releases/${id}`);
  });

  it("filters packages, looks what a cleanup would take, and takes it", async () => {
    // Longer than a session lasts.
    site.clock.advance(8 * DAY_MS);
    await site.registry.sweepRetention();
    await signIn();
    await open("/admin/packages");
    await page.getByLabel("may be deleted").check();
    await page.getByRole("button", { name: "Filter" }).click();
    const { items } = await site.registry.listPackages({ eligible: true });
    expect(items.map(({ subject }) => subject)).toEqual(["nemaki 3.0.2"]);
    expect(await page.locator("tbody tr").count()).toBe(1);
    expect(await page.locator("tbody tr").textContent()).toContain("may go");

    await open("/admin/retention");
    await page.getByRole("link", { name: "Cleanup, dry run…" }).click();
    expect(await page.locator(`tr[data-id="${items[0]!.id}"]`).count()).toBe(1);
    expect((await site.registry.getPackage(items[0]!.id)).status).toBe("finalized");
    await page.getByRole("button", { name: /^Delete / }).click();
    expect(new URL(page.url()).pathname).toBe("/admin/retention");
    expect(await page.locator("#cleaned").textContent()).toContain("1 package");
    expect((await site.registry.getPackage(items[0]!.id)).status).toBe("deleted");
    await open(`/admin/packages/${items[0]!.id}`);
    expect(await page.locator("main").textContent()).toContain("Deleted");
  });

  it("keeps a channel's settings, and its looks", async () => {
    await open("/admin/apps/fieldnote/channels/beta/settings");
    await page.getByLabel("For at least so many seconds there").fill("7200");
    await page.getByRole("button", { name: "Keep these settings" }).click();
    expect((await site.registry.getChannel("fieldnote", "beta")).policy.min_time_seconds).toBe(7200);
    await open("/admin/settings");
    await page.getByLabel("Dark").check();
    await page.getByRole("button", { name: "Keep", exact: true }).click();
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
  });

  it("ends another session, and signs out everywhere", async () => {
    const token = await site.registry.createToken({ name: "other", scopes: ["admin"] });
    const other = await shown.signIn(await shown.newContext(), token.secret);
    await open("/admin/settings");
    await page.locator("tr", { hasText: "token:other" }).getByRole("button", { name: "End it" }).click();
    await other.goto(`${site.server.url}/admin/apps`);
    expect(await other.getByRole("heading", { level: 1 }).textContent()).toBe("Sign in");
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    expect(await heading()).toBe("Sign in");
  });
});

async function streamText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}
