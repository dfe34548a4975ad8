import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { launchBrowser } from "../pages/browser.ts";
import { startTestServer, type TestServer } from "../server/process-server.ts";
import { needs } from "../support/required-tools.ts";
import { fillConsoleStore } from "./console-store.ts";
import { takeShots } from "./shots.ts";

const shots = process.env["DIST_SHOTS"];

needs("chromium")("the console", () => {
  let site: TestServer;
  let browser: Browser;
  let admin: string;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    site = await startTestServer(undefined);
    await fillConsoleStore(site);
    admin = (await site.registry.createToken({ name: "root", scopes: ["admin"] })).secret;
    browser = await launchBrowser();
    context = await browser.newContext();
    page = await context.newPage();
    await signIn(page, admin);
  }, 120_000);
  afterAll(async () => {
    if (shots !== undefined) {
      await takeShots(browser, site.server.url, await context.cookies(), await everyPage(), shots);
    }
    await browser.close();
    await site.close();
  }, 600_000);

  async function signIn(on: Page, token: string): Promise<void> {
    await on.goto(`${site.server.url}/admin/sign-in`);
    await on.getByLabel("Token").fill(token);
    await on.getByRole("button", { name: "Sign in" }).click();
  }

  async function everyPage(): Promise<string[]> {
    const app = "/admin/apps/fieldnote";
    const { items } = await site.registry.listReleases("fieldnote");
    const [demos] = (await site.registry.listReleases("demos")).items;
    const id = (version: string) => items.find((one) => one.version === version)!.id;
    return [
      "/admin/sign-in",
      "/admin/",
      "/admin/apps",
      app,
      "/admin/apps/hostile",
      "/admin/apps/empty",
      `${app}/releases/${id("4.3.0")}`,
      `/admin/apps/demos/releases/${demos!.id}`,
      `${app}/releases/${id("4.3.0")}/compare`,
      `${app}/releases/${id("4.3.0")}/revoke`,
      `${app}/channels/stable`,
      `${app}/channels/stable/promote`,
      `${app}/channels/stable/promote?release=${id("4.3.0")}`,
      `${app}/channels/beta/promote?release=${id("4.1.3")}`,
      `${app}/channels/stable/rollback`,
      `${app}/channels/stable/settings`,
      `${app}/channels/new`,
      `${app}/settings`,
      `${app}/publish`,
      "/admin/settings",
      "/admin/keys",
    ];
  }

  it("shows apps", async () => {
    await page.goto(`${site.server.url}/admin/apps`);
    expect(await page.getByRole("link", { name: "Fieldnote" }).count()).toBeGreaterThan(0);
  });
  describe("x", () => {
    it("y", () => {
      expect(1).toBe(1);
    });
  });
});
