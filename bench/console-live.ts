/** The console's audit page in a browser while events come fast: how evenly it draws, beside the same page with none. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Page } from "playwright-core";

import { launchBrowser } from "../test/pages/browser.ts";
import { inTemporaryDirectory, program } from "./measure.ts";
import { startDistd } from "./servers.ts";

const SECONDS = 15;
/** Each request makes two events: a package, and what keeps it. */
const REQUESTS_A_SECOND = 100;
/** A frame that takes longer is seen as a stop. */
const STOP_MS = 100;

interface Frames {
  readonly frames: number;
  readonly longestMs: number;
  readonly stops: number;
}

await inTemporaryDirectory(async (directory) => {
  const store = join(directory, "store");
  const token = spawnSync(
    process.execPath,
    [program, "token", "create", "--name", "bench", "--scope", "admin", "--local-store", store, "--json"],
    { encoding: "utf8" },
  );
  const { secret } = JSON.parse(token.stdout) as { secret: string };
  const { url, stop } = await startDistd(store);
  const browser = await launchBrowser();
  const page = await browser.newPage();
  await page.goto(`${url}/admin/`);
  await page.getByLabel("Token").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.goto(`${url}/admin/audit`);
  await page.getByText("Live", { exact: true }).waitFor();

  const quiet = await framesWhile(page, () => sleep(SECONDS * 1000));
  const before = await headOf(url, secret);
  const busy = await framesWhile(page, () => makeEvents(url, secret));
  const events = (await headOf(url, secret)) - before;
  await sleep(3_000);
  const told = await page.locator("[data-show-new]").textContent();
  console.log(`${events} events in ${SECONDS} s (${Math.round(events / SECONDS)}/s); the page says: ${told}`);
  for (const [name, { frames, longestMs, stops }] of [
    ["with them", busy],
    ["with none", quiet],
  ] as const) {
    console.log(
      `  ${name}: ${Math.round(frames / SECONDS)} frames/s, longest ${longestMs.toFixed(0)} ms, ${stops} over ${STOP_MS} ms`,
    );
  }
  const isMet = busy.stops <= quiet.stops && told === `${events} new events. Show them`;
  console.log(`no more stops than with none, and every event counted: ${isMet ? "met" : "MISSED"}`);
  await browser.close();
  await stop();
});

async function makeEvents(url: string, secret: string): Promise<void> {
  const started = performance.now();
  const pending: Promise<unknown>[] = [];
  for (let n = 0; n < SECONDS * REQUESTS_A_SECOND; n += 1) {
    const wait = started + (n * 1000) / REQUESTS_A_SECOND - performance.now();
    if (wait > 1) await sleep(wait);
    pending.push(makePackage(url, secret));
  }
  await Promise.all(pending);
}

async function makePackage(url: string, secret: string): Promise<void> {
  const answer = await fetch(`${url}/packages`, {
    method: "POST",
    headers: { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" },
    body: JSON.stringify({ kind: "run" }),
  });
  await answer.arrayBuffer();
  if (answer.status !== 201) throw new Error(`A package was answered ${answer.status}.`);
}

async function headOf(url: string, secret: string): Promise<number> {
  const answer = await fetch(`${url}/api/status`, { headers: { Authorization: `Bearer ${secret}` } });
  return ((await answer.json()) as { log_head: number }).log_head;
}

/** How the page drew while that was done. */
async function framesWhile(page: Page, work: () => Promise<void>): Promise<Frames> {
  await page.evaluate(`(() => {
    const times = (window.frameTimes = []);
    const onFrame = (at) => { times.push(at); window.frameRequest = requestAnimationFrame(onFrame); };
    window.frameRequest = requestAnimationFrame(onFrame);
  })()`);
  await work();
  const times = await page.evaluate<number[]>(
    "(cancelAnimationFrame(window.frameRequest), window.frameTimes)",
  );
  const gaps = times.slice(1).map((at, n) => at - times[n]!);
  return {
    frames: times.length,
    longestMs: Math.max(...gaps),
    stops: gaps.filter((gap) => gap > STOP_MS).length,
  };
}
