import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, type TestServer } from "../server/process-server.ts";
import { needs } from "../support/required-tools.ts";
import { type ConsoleBrowser, expectAccessible, openConsole } from "./console-browser.ts";
import { fillConsoleStore } from "./console-store.ts";

interface Refused {
  readonly name: string;
  readonly path: string;
  readonly fill: (on: Page) => Promise<void>;
  readonly button: RegExp;
  readonly code: string;
  /** The label of the field that is wrong; none where the whole is. */
  readonly field?: string;
}

const app = "/admin/apps/fieldnote";
const inField = (label: string, value: string) => (on: Page) =>
  on.getByLabel(label, { exact: true }).fill(value);

needs("chromium")("a page of a refusal", () => {
  let site: TestServer;
  let shown: ConsoleBrowser;
  let page: Page;
  let held: string;

  beforeAll(async () => {
    site = await startTestServer(undefined);
    await fillConsoleStore(site);
    held = (await site.registry.listPackages({ subject: "nemaki 3.0.0" })).items[0]!.id;
    const { secret } = await site.registry.createToken({ name: "root", scopes: ["admin"] });
    shown = await openConsole(site.server.url);
    page = await shown.signIn(await shown.newContext(), secret);
  }, 120_000);
  afterAll(async () => {
    await shown.close();
    await site.close();
  });

  const refusals = (): readonly Refused[] => [
    {
      name: "a channel with a name that there cannot be",
      path: `${app}/channels/new`,
      fill: inField("Name", "Not a name!"),
      button: /^Add the channel/,
      code: "channel.invalid_name",
      field: "Name",
    },
    {
      name: "a token without a scope",
      path: "/admin/tokens/new",
      fill: inField("Name", "nothing"),
      button: /^Make the token/,
      code: "token.invalid_scope",
    },
    {
      name: "a token that ends in no time",
      path: "/admin/tokens/new",
      fill: async (on) => {
        await inField("Name", "timeless")(on);
        await on.getByLabel(/^read /).check();
        await inField("Ends after", "soon")(on);
      },
      button: /^Make the token/,
      code: "duration.invalid",
      field: "Ends after",
    },
    {
      name: "an extension to an earlier day",
      path: `/admin/packages/${held}/extend`,
      fill: async (on) => {
        await inField("Until", "2026-12-01")(on);
        await inField("Reason", "too early")(on);
      },
      button: /^Keep it for longer/,
      code: "retention.not_later",
      field: "Until",
    },
    {
      name: "a hold with a reason that is too long",
      path: `/admin/packages/${held}/hold`,
      fill: inField("Reason", "x".repeat(2000)),
      button: /^Hold the package/,
      code: "request.invalid_reason",
      field: "Reason",
    },
    {
      name: "a bundle identifier that is none",
      path: `${app}/settings`,
      fill: inField("iOS bundle identifier", "not an identifier"),
      button: /^Keep these settings/,
      code: "app.invalid_setting",
      field: "iOS bundle identifier",
    },
    {
      name: "TestFlight without its link",
      path: `${app}/settings`,
      fill: (on) =>
        on
          .getByLabel(/^TestFlight/)
          .first()
          .check(),
      button: /^Keep these settings/,
      code: "app.testflight_url_required",
      field: "TestFlight link",
    },
  ];

  it("says what is wrong beside the field, changes nothing, and is accessible", async () => {
    for (const { name, path, fill, button, code, field } of refusals()) {
      const { log_head: before } = await site.registry.storeDecisions();
      await page.goto(`${site.server.url}${path}`);
      // What the browser itself would refuse reaches the server from elsewhere.
      await page.evaluate("for (const form of document.forms) form.noValidate = true");
      await fill(page);
      await page.getByRole("button", { name: button }).click();
      const alert = await page.getByRole("alert").textContent();
      expect([name, alert?.includes(code), alert?.includes("Nothing was changed")]).toEqual([
        name,
        true,
        true,
      ]);
      if (field !== undefined) {
        const wrong = page.getByLabel(field, { exact: true });
        expect([name, await wrong.getAttribute("aria-invalid")]).toEqual([name, "true"]);
        const described = (await wrong.getAttribute("aria-describedby"))!.split(" ");
        const words = await Promise.all(described.map((id) => page.locator(`[id="${id}"]`).textContent()));
        expect([name, words.some((text) => alert!.includes(text!))]).toEqual([name, true]);
      }
      await expectAccessible(page, name);
      expect([name, (await site.registry.storeDecisions()).log_head]).toEqual([name, before]);
    }
  }, 120_000);

  it("that is not there, or not for somebody, stands in the frame", async () => {
    const { secret } = await site.registry.createToken({ name: "looks", scopes: ["read"] });
    const viewer = await shown.signIn(await shown.newContext(), secret);
    for (const [on, path, status] of [
      [page, "/admin/nowhere", 404],
      [page, `${app}/releases/rel_none`, 404],
      [page, "/admin/apps/nowhere", 404],
      [page, "/admin/packages/pkg_none", 404],
      [page, "/admin/audit?since=yesterday", 400],
      [viewer, "/admin/audit", 403],
      [viewer, "/admin/tokens", 403],
      [viewer, "/admin/retention/cleanup", 403],
    ] as const) {
      const answer = await on.goto(`${site.server.url}${path}`);
      expect([path, answer!.status()]).toEqual([path, status]);
      expect([path, await on.getByRole("navigation", { name: "Main" }).count()]).toEqual([path, 1]);
      await expectAccessible(on, path);
    }
    expect(shown.complaints).toEqual([]);
  }, 120_000);

  it("of a sign-in says why, and is accessible", async () => {
    const on = await (await shown.newContext()).newPage();
    await on.goto(`${site.server.url}/admin/`);
    await expectAccessible(on, "sign in");
    await on.getByLabel("Token").fill("dist_wrong");
    await on.getByRole("button", { name: "Sign in" }).click();
    expect(await on.getByRole("alert").textContent()).toContain("auth.malformed_token");
    await expectAccessible(on, "sign in, refused");
  });

  it("of a form that is not ours changes nothing", async () => {
    await page.goto(`${site.server.url}${app}/channels/stable/rollback`);
    await page
      .locator('form.panel input[name="csrf"]')
      .evaluate((input: { value: string }) => (input.value = "of another"));
    await page.getByRole("button", { name: /^Point stable back/ }).click();
    expect(await page.locator("main").textContent()).toContain("auth.csrf");
    await expectAccessible(page, "csrf");
    expect((await site.registry.getChannel("fieldnote", "stable")).current_version).toBe("4.2.1");
  });
});
