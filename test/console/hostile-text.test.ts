import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import type { Registry } from "../../src/registry/registry.ts";
import { startTestServer, type TestServer } from "../server/process-server.ts";
import { needs } from "../support/required-tools.ts";
import { outcomeOf, sourceOf, tarArtifact, tarGzBytes } from "../support/test-store.ts";
import { type ConsoleBrowser, openConsole } from "./console-browser.ts";

/** Text that runs where a page puts it into its own and turns what follows it, each time with another mark. */
const bad = (mark: string) => `\u202e"'><svg onload=alert(1)><img src=x onerror=alert(2)>${mark}`;
/** The same for names of tokens and browsers, which have no such characters. */
const printable = (mark: string) => bad(mark).slice(1);
/** As people may be shown it. */
const harmless = (mark: string) => bad(mark).replace("\u202e", "\ufffd");

needs("chromium")("text of others in the console", () => {
  let site: TestServer;
  let shown: ConsoleBrowser;
  let context: BrowserContext;
  let page: Page;
  let app: string;
  let release: string;
  let packageId: string;
  let tokenId: string;

  beforeAll(async () => {
    site = await startTestServer(undefined);
    const { secret } = await site.registry.createToken({ name: printable("who"), scopes: ["admin"] });
    await fill(site.store.as(await site.store.authenticate(secret)));
    shown = await openConsole(site.server.url);
    context = await shown.newContext({ userAgent: printable("browser") });
    page = await shown.signIn(context, secret);
  }, 120_000);
  afterAll(async () => {
    await shown.close();
    await site.close();
  });

  /** Hostile text in every field that takes it; what names are made of does not. */
  async function fill(registry: Registry): Promise<void> {
    await registry.createApp("acme", { display_name: bad("name"), owner: bad("owner") });
    expect(await outcomeOf(registry.createApp(bad("slug"), {}))).toBe("app.invalid_slug");
    expect(await outcomeOf(registry.setChannel("acme", bad("channel"), {}))).toBe("channel.invalid_name");
    const publish = async (version: string) => {
      const { sha256 } = await registry.uploadObject(sourceOf(tarGzBytes(version)));
      const artifact = tarArtifact(sha256, {
        filename: `${bad("file")}.tar.gz`,
        metadata: { [bad("key")]: bad("value") },
      });
      const published = await registry.publish({
        app: "acme",
        version,
        channel: "beta",
        notes: bad("notes"),
        artifacts: [artifact],
      });
      return published.release.id;
    };
    expect(await outcomeOf(publish(bad("version")))).toBe("release.invalid_version");
    const first = await publish("1.0.0");
    release = await publish("1.1.0");
    await registry.setChannel("acme", "stable", {});
    await registry.promote("acme", "stable", { release: first, reason: bad("promoted") });
    await registry.promote("acme", "stable", { release, reason: bad("again") });
    await registry.rollback("acme", "stable", { reason: bad("back") });
    await registry.revokeRelease("acme", { release: first }, { reason: bad("revoked") });
    const pin = { windows: [`${bad("subject")} | ${bad("issuer")}`] };
    await registry.updateApp("acme", { pin, reason: bad("pinned") });

    const kind = registry.createPackage({ kind: bad("kind") });
    expect(await outcomeOf(kind)).toBe("package.invalid_kind");
    const created = await registry.createPackage({
      kind: "run",
      producer: bad("producer"),
      subject: bad("subject"),
      metadata: { [bad("key")]: bad("value") },
    });
    packageId = created.id;
    const { sha256 } = await registry.uploadObject(sourceOf(Buffer.from("x")));
    await registry.addPackageFiles(packageId, [{ path: `logs/${bad("path")}`, sha256 }]);
    await registry.finalizePackage(packageId);
    const hold = await registry.holdPackage(packageId, { reason: bad("held"), case: bad("case") });
    await registry.releaseHold(packageId, hold.id, { reason: bad("released") });
    await registry.holdPackage(packageId, { reason: bad("still held"), case: bad("another case") });
    await registry.extendRetention(packageId, {
      new_expires_at: "2040-01-01T00:00:00.000Z",
      reason: bad("extended"),
    });
    const failed = await registry.createPackage({ kind: "run", subject: bad("failed") });
    await registry.failPackage(failed.id, { reason: bad("failed") });
    tokenId = (await registry.createToken({ name: printable("token"), scopes: ["read"] })).id;
    app = "/admin/apps/acme";
  }

  /** Nothing on the page was made of text, and nothing ran. */
  async function expectText(name: string): Promise<void> {
    const strange =
      "[onload], [onerror], [style], img[src='x'], script:not([src]), svg:not([class]):not(.rail svg):not([role])";
    expect([name, await page.locator(strange).count()]).toEqual([name, 0]);
    expect([name, shown.complaints]).toEqual([name, []]);
    // What is in a field is edited as it is.
    const text = await page.evaluate<string>(`(() => {
      const body = document.body.cloneNode(true);
      for (const field of body.querySelectorAll("textarea")) field.remove();
      return body.textContent;
    })()`);
    expect([name, text.includes("\u202e")]).toEqual([name, false]);
  }

  it("is text, wherever a page shows it", async () => {
    const marks: Record<string, readonly string[]> = {
      "/admin/": ["name", "who"],
      "/admin/apps": ["name"],
      [app]: ["name", "owner", "who"],
      [`${app}/releases/${release}`]: ["notes", "file", "value", "who"],
      [`${app}/releases/${release}/revoke`]: [],
      [`${app}/releases/${release}/compare`]: [],
      [`${app}/channels/stable`]: ["promoted", "again", "back", "who"],
      [`${app}/channels/stable/promote`]: [],
      [`${app}/channels/stable/settings`]: [],
      [`${app}/settings`]: [],
      [`${app}/publish`]: ["name"],
      [`${app}/preview`]: ["name"],
      "/admin/packages": ["subject", "producer", "failed"],
      [`/admin/packages/${packageId}`]: [
        "subject",
        "producer",
        "path",
        "value",
        "still held",
        "another case",
      ],
      [`/admin/packages/${packageId}/hold`]: ["subject"],
      [`/admin/packages/${packageId}/extend`]: ["subject"],
      "/admin/retention": [],
      "/admin/retention/cleanup": [],
      "/admin/audit": ["who", "path", "held", "released", "extended"],
      "/admin/audit?action=release.revoked": ["revoked"],
      "/admin/audit?action=app.identity_changed": ["pinned"],
      "/admin/audit?action=package.failed": ["failed"],
      "/admin/tokens": ["token", "who"],
      [`/admin/tokens/${tokenId}/revoke`]: ["token"],
      "/admin/settings": ["who", "browser"],
    };
    for (const [path, shownMarks] of Object.entries(marks)) {
      const answer = await page.goto(`${site.server.url}${path}`);
      expect([path, answer!.status()]).toEqual([path, 200]);
      await expectText(path);
      const text = await page.locator("body").textContent();
      for (const mark of shownMarks) {
        // As it is, or as JSON has it.
        const wanted = ["who", "token", "browser"].includes(mark) ? printable(mark) : harmless(mark);
        const forms = [wanted, JSON.stringify(wanted).slice(1, -1)];
        expect([path, mark, forms.some((form) => text!.includes(form))]).toEqual([path, mark, true]);
      }
    }
  }, 60_000);

  it("is text where it comes with the address", async () => {
    const filters = ["app", "actor", "action", "target", "since", "until", "after"];
    const paths = [
      `/admin/search?q=${encodeURIComponent(bad("asked"))}`,
      ...filters.map((name) => `/admin/audit?${name}=${encodeURIComponent(bad("asked"))}`),
      ...["status", "kind", "producer", "subject", "retention_class", "after"].map(
        (name) => `/admin/packages?${name}=${encodeURIComponent(bad("asked"))}`,
      ),
      `/admin/tokens?after=${encodeURIComponent(bad("asked"))}`,
      `/admin/apps?after=${encodeURIComponent(bad("asked"))}`,
      `/admin/apps/${encodeURIComponent(bad("asked"))}`,
      `${app}/releases/${encodeURIComponent(bad("asked"))}`,
      `${app}/channels/${encodeURIComponent(bad("asked"))}`,
      `${app}/channels/stable/promote?release=${encodeURIComponent(bad("asked"))}`,
      `${app}/releases/${release}/compare?with=${encodeURIComponent(bad("asked"))}`,
      `/admin/packages/${encodeURIComponent(bad("asked"))}`,
      `/admin/${encodeURIComponent(bad("asked"))}`,
    ];
    for (const path of paths) {
      const answer = await page.goto(`${site.server.url}${path}`);
      expect([path, answer!.status() < 500]).toEqual([path, true]);
      await expectText(path);
    }
  }, 60_000);

  it("is text in a form that comes back", async () => {
    const forms: readonly (readonly [
      path: string,
      fields: Readonly<Record<string, string>>,
      button: RegExp,
    ])[] = [
      [`${app}/channels/new`, { Name: bad("sent") }, /^Add the channel/],
      ["/admin/tokens/new", { Name: bad("sent"), "Only for the app": bad("sent") }, /^Make the token/],
      [
        `${app}/settings`,
        { Name: bad("sent"), "iOS bundle identifier": bad("sent") },
        /^Keep these settings/,
      ],
      [`/admin/packages/${packageId}/hold`, { Case: bad("sent"), Reason: "x".repeat(2000) }, /^Hold/],
    ];
    for (const [path, fields, button] of forms) {
      await page.goto(`${site.server.url}${path}`);
      for (const [label, value] of Object.entries(fields))
        await page.getByLabel(label, { exact: true }).first().fill(value);
      await page.getByRole("button", { name: button }).click();
      expect([path, await page.getByRole("alert").count()]).toEqual([path, 1]);
      await expectText(path);
      const [label, value] = Object.entries(fields)[0]!;
      expect(await page.getByLabel(label, { exact: true }).first().inputValue()).toBe(value);
    }
  });

  it("of a sign-in that was refused is not shown again", async () => {
    const stranger = await shown.newContext();
    const on = await stranger.newPage();
    await on.goto(`${site.server.url}/admin/sign-in?to=${encodeURIComponent(bad("to"))}`);
    await on.getByLabel("Token").fill(bad("secret"));
    await on.getByRole("button", { name: "Sign in" }).click();
    expect(await on.getByRole("alert").count()).toBe(1);
    expect(await on.content()).not.toContain("secret");
    expect(shown.complaints).toEqual([]);
    await stranger.close();
  });

  it("on another site's page neither frames the console nor acts in it", async () => {
    const { current_release_id: before } = await site.registry.getChannel("acme", "stable");
    const target = `${site.server.url}${app}/channels/stable/rollback`;
    const other = await pagesOf({
      "/frame": `<iframe src="${site.server.url}/admin/"></iframe>`,
      "/form": `<form method="post" action="${target}"><input name="reason" value="x"></form>
        <script>document.forms[0].submit()</script>`,
      "/out": `<form method="post" action="${site.server.url}/admin/sign-out"></form>
        <script>document.forms[0].submit()</script>`,
    });
    try {
      const attacked = await context.newPage();
      await attacked.goto(`${other.url}/frame`);
      const frame = attacked.frames()[1]!;
      await frame.waitForLoadState();
      expect(await frame.getByText("Overview").count()).toBe(0);
      await attacked.goto(`${other.url}/form`);
      await attacked.waitForURL(`${site.server.url}/**`);
      expect(await attacked.getByRole("heading", { level: 1 }).textContent()).not.toBe("stable");
      await attacked.goto(`${other.url}/out`);
      await attacked.waitForURL(`${site.server.url}/**`);
      await attacked.close();
      await page.goto(`${site.server.url}/admin/`);
      expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Overview");
    } finally {
      other.server.close();
    }
    expect((await site.registry.getChannel("acme", "stable")).current_release_id).toBe(before);
  });
});

/** Pages of another site: to a browser, `localhost` is not `127.0.0.1`. */
async function pagesOf(
  pages: Readonly<Record<string, string>>,
): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html").end(pages[request.url ?? ""] ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://localhost:${(server.address() as AddressInfo).port}` };
}
