import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Browser } from "playwright-core";

const widths = [390, 1280, 1920];

/** Pictures of pages for people to look at, in every width and both themes, as PNG files in a directory. */
export async function takeShots(
  browser: Browser,
  url: string,
  cookies: Parameters<Awaited<ReturnType<Browser["newContext"]>>["addCookies"]>[0],
  pages: readonly string[],
  directory: string,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of widths) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
      await context.addCookies(cookies);
      const page = await context.newPage();
      for (const path of pages) {
        await page.goto(`${url}${path}`);
        const name = path.replaceAll(/[^\w.-]+/g, "_").slice(0, 80);
        await page.screenshot({
          path: join(directory, `${name}-${width}-${colorScheme}.png`),
          fullPage: true,
        });
      }
      await context.close();
    }
  }
}
