import { execFileSync } from "node:child_process";

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the Chromium of this machine. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  return chromium.launch({ executablePath, args: flags });
}

/** A page, and what the browser complained about while it was shown: refused by policy, not found, broken. */
export interface ShownPage {
  readonly page: Page;
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Opens an address in a context of its own. `status` is what the page itself must answer with. */
export async function show(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  status = 200,
): Promise<ShownPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    // A page that is an error by its status is one for the console as well.
    const isOwnStatus = status >= 400 && message.location().url === url;
    if (!isOwnStatus && ["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`A dialog says ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  const answer = await page.goto(url);
  if (answer?.status() !== status) complaints.push(`The page answered ${answer?.status()}.`);
  return { page, complaints, close: () => context.close() };
}
