import axe, { type AxeResults } from "axe-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";

import { launchBrowser } from "../pages/browser.ts";

/** A browser on one server's console. */
export interface ConsoleBrowser {
  readonly browser: Browser;
  /** What pages complained of: refused by policy, broken, a dialog that something opened. */
  readonly complaints: string[];
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** A page that is signed in with a token, at the overview. */
  signIn(into: BrowserContext, secret: string): Promise<Page>;
  close(): Promise<void>;
}

export async function openConsole(url: string): Promise<ConsoleBrowser> {
  const browser = await launchBrowser();
  const complaints: string[] = [];
  return {
    browser,
    complaints,
    newContext: async (options = {}) => {
      const made = await browser.newContext(options);
      made.on("page", (opened) => listen(opened, complaints));
      return made;
    },
    signIn: async (into, secret) => {
      const opened = await into.newPage();
      await opened.goto(`${url}/admin/`);
      await opened.getByLabel("Token").fill(secret);
      await opened.getByRole("button", { name: "Sign in" }).click();
      expect(await opened.getByRole("heading", { level: 1 }).textContent()).toBe("Overview");
      return opened;
    },
    close: () => browser.close(),
  };
}

function listen(page: Page, complaints: string[]): void {
  page.on("console", (message) => {
    // A page that is an error by its status is one for the browser's own log as well.
    const isOwnStatus =
      message.location().url === page.url() && message.text().startsWith("Failed to load resource");
    if (!isOwnStatus && ["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`A dialog says ${dialog.message()}`);
    void dialog.dismiss();
  });
}

/** What axe finds on a page as it is, in light and dark, on a phone and on a screen; that it is no wider than a phone. */
export async function expectAccessible(page: Page, name: string): Promise<void> {
  await page.evaluate(axe.source);
  for (const width of [390, 1280]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      expect([name, width, colorScheme, await findingsOfAxe(page)]).toEqual([name, width, colorScheme, []]);
    }
  }
  // Nothing has to be looked for sideways.
  await page.setViewportSize({ width: 390, height: 900 });
  expect(await page.evaluate("document.documentElement.scrollWidth"), name).toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: null });
}

/** What axe, which is on the page, finds, with where it stands. */
async function findingsOfAxe(page: Page): Promise<string[]> {
  const { violations, passes } = await page.evaluate<AxeResults>("axe.run()");
  // A run that looked at nothing would find nothing.
  expect(passes.length).toBeGreaterThan(5);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}
