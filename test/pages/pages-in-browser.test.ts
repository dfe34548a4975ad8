import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import type { TestServer } from "../server/process-server.ts";
import { launchBrowser, show } from "./browser.ts";
import { startSite } from "./site.ts";

const iPhone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const mac =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";

/** What devices say they are, and the section that is theirs. */
const devices: readonly (readonly [string, string, string])[] = [
  ["iPhone", iPhone, "ios"],
  ["iPad", iPhone.replaceAll("iPhone", "iPad"), "ios"],
  [
    "Android phone",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36",
    "android_apk",
  ],
  ["Mac", mac, "macos"],
  [
    "Windows PC",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
    "windows",
  ],
  ["Linux PC", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "linux"],
];

const modes = ["fieldnote", "fieldnote-testflight", "fieldnote-enterprise"];
const longPage = `/install/long/${"c".repeat(63)}`;
const everyPage: readonly (readonly [string, number])[] = [
  ["/", 200],
  ...modes.map((app) => [`/install/${app}/stable`, 200] as const),
  ["/install/fieldnote/empty", 200],
  ["/install/hostile/beta", 200],
  [longPage, 200],
  ["/install/none/beta", 404],
];

needs("chromium")("the pages in a browser", () => {
  let site: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    site = await startSite();
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
  });

  it.each(devices)("%s: its files are shown first, and marked", async (_, userAgent, platform) => {
    const { page, complaints, close } = await show(browser, `${site.server.url}/install/fieldnote/stable`, {
      userAgent,
    });
    const first = page.locator("section").first();
    expect(await first.getAttribute("id")).toBe(platform);
    expect(await page.getByText("This device", { exact: true }).count()).toBe(1);
    expect(await first.getByText("This device", { exact: true }).count()).toBe(1);
    expect(complaints).toEqual([]);
    await close();
  });

  // Its settings decide whether it says iPad; as a Mac it needs the way to its own section.
  it("an iPad that says it is a Mac finds its section", async () => {
    const { page, close } = await show(browser, `${site.server.url}/install/fieldnote/stable`, {
      userAgent: mac,
      viewport: { width: 1180, height: 400 },
    });
    await page.getByRole("link", { name: "iPhone and iPad", exact: true }).click();
    const box = await page.locator("#ios h2").boundingBox();
    expect(box?.y).toBeLessThan(100);
    await close();
  });

  // "A normal iPhone cannot install an arbitrary IPA from a web page, and nothing here may suggest it can."
  it("a page for files only has nothing to tap that an iPhone would refuse", async () => {
    const { page, close } = await show(browser, `${site.server.url}/install/fieldnote/stable`, {
      userAgent: iPhone,
    });
    const section = page.locator("#ios");
    expect(await section.getByText("Not installable from this page.").isVisible()).toBe(true);
    expect(await section.getByRole("link").count()).toBe(0);
    await close();
  });

  it("the TestFlight page leads to Apple", async () => {
    const { page, close } = await show(browser, `${site.server.url}/install/fieldnote-testflight/stable`, {
      userAgent: iPhone,
    });
    const link = page.getByRole("link", { name: "Open in TestFlight" });
    expect(await link.getAttribute("href")).toBe("https://testflight.apple.com/join/a1B2c3D4");
    expect(await page.locator("a[href^='itms-services']").count()).toBe(0);
    await close();
  });

  it("the enterprise page of a server with an HTTPS address offers the install, accessibly", async () => {
    const secure = await startSite("https://dist.example.org");
    const url = `${secure.server.url}/install/fieldnote-enterprise/stable`;
    const { page, complaints, close } = await show(browser, url, { userAgent: iPhone });
    const href = (await page.locator("#ios a.go").getAttribute("href")) ?? "";
    expect(href).toMatch(
      /^itms-services:\/\/\?action=download-manifest&url=https%3A%2F%2Fdist\.example\.org%2F/,
    );
    expect(await page.locator("#ios").textContent()).toContain("Anywhere else iOS refuses the app");
    await page.evaluate(axe.source);
    expect([await seriousFindings(page), complaints]).toEqual([[], []]);
    await close();
    await secure.close();
  });

  it.each(everyPage)("%s is whole, and the browser refuses nothing of it", async (path, status) => {
    const { page, complaints, close } = await show(browser, site.server.url + path, {}, status);
    expect(await page.locator("h1").isVisible()).toBe(true);
    // The stylesheet arrived: without it the page would have the browser's margins.
    expect(await page.evaluate("getComputedStyle(document.body).margin")).toBe("0px");
    expect(await page.evaluate("document.scripts.length")).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("hostile texts run nothing", async () => {
    for (const path of ["/", "/install/hostile/beta"]) {
      const { page, complaints, close } = await show(browser, site.server.url + path);
      const active = await page.locator("script, img, iframe, [onerror], [onload], [onclick]").count();
      expect([active, await page.title(), complaints]).toEqual([0, expect.not.stringMatching(/^run$/), []]);
      await close();
    }
  });

  it("everything works without scripts, the download too", async () => {
    const { page, close } = await show(browser, `${site.server.url}/`, {
      javaScriptEnabled: false,
      userAgent: mac,
      acceptDownloads: true,
    });
    await page.getByRole("link", { name: "Install page of fieldnote, stable" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: /^Download dmg/ }).click(),
    ]);
    expect([download.suggestedFilename(), await download.failure()]).toEqual(["Fieldnote.dmg", null]);
    await page.locator("#linux summary").first().click();
    expect(await page.locator("#linux code.cmd").first().isVisible()).toBe(true);
    await close();
  });

  it.each(everyPage)("%s is not wider than the screen, everything unfolded", async (path, status) => {
    const { page, close } = await show(browser, site.server.url + path, {}, status);
    await page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))");
    for (const width of [360, 390, 1440]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    }
    await close();
  });

  it.each(everyPage)("%s is accessible: no serious finding of axe", async (path, status) => {
    const { page, close } = await show(browser, site.server.url + path, { userAgent: iPhone }, status);
    // Not a script of the page, which its policy would refuse: the browser is asked to evaluate it.
    await page.evaluate(axe.source);
    for (const width of [390, 1440]) {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        expect([width, colorScheme, await seriousFindings(page)]).toEqual([width, colorScheme, []]);
      }
    }
    await close();
  });

  it.each(["/", "/install/fieldnote/stable", "/install/fieldnote-testflight/stable"])(
    "everything on %s is reached by keyboard, and is seen to be",
    async (path) => {
      const { page, close } = await show(browser, site.server.url + path, { userAgent: iPhone });
      const count = await page.locator("a[href], summary").count();
      expect(count).toBeGreaterThan(3);
      const reached = new Set<number>();
      for (let step = 0; step < count; step += 1) {
        await page.keyboard.press("Tab");
        const { index, outline } = await focused(page);
        reached.add(index);
        expect([index, outline]).toEqual([expect.any(Number), "solid 2px"]);
      }
      reached.delete(-1);
      expect(reached.size).toBe(count);
      await close();
    },
  );
});

/** What axe, which is on the page, calls serious or critical, with where it stands. */
async function seriousFindings(page: Page): Promise<string[]> {
  const { violations, passes } = await page.evaluate<AxeResults>("axe.run()");
  // A run that looked at nothing would find nothing.
  expect(passes.length).toBeGreaterThan(5);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`),
    );
}

/** Which of the page's links and controls has the focus, and the line around it. */
function focused(page: Page): Promise<{ index: number; outline: string }> {
  return page.evaluate(`(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    const index = [...document.querySelectorAll("a[href], summary")].indexOf(document.activeElement);
    return { index, outline: outlineStyle + " " + outlineWidth };
  })()`);
}
