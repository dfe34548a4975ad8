import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, type TestServer } from "../server/process-server.ts";
import { needs } from "../support/required-tools.ts";
import { type ConsoleBrowser, openConsole } from "./console-browser.ts";
import { fillConsoleStore } from "./console-store.ts";

interface Items<T> {
  readonly items: readonly T[];
}
interface PackageItem {
  readonly id: string;
  readonly status: string;
  readonly file_count: number;
  readonly size_bytes: number;
  readonly created_at: string;
  readonly kept_by: { readonly holds: number; readonly channels: readonly string[] };
}
interface Artifact {
  readonly filename: string;
  readonly size_bytes: number;
  readonly sha256: string;
  readonly validation_status: string;
  readonly findings: readonly { readonly code: string; readonly message: string }[];
}

/** A size as the design has it: decimal, one digit behind the point. */
function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const exponent = bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3);
  return exponent === 0 ? `${bytes} B` : `${(bytes / 1000 ** exponent).toFixed(1)} ${units[exponent]}`;
}

needs("chromium")("what pages say is what the API answers:", () => {
  let site: TestServer;
  let shown: ConsoleBrowser;
  let page: Page;
  let secret: string;

  beforeAll(async () => {
    site = await startTestServer(undefined);
    await fillConsoleStore(site);
    ({ secret } = await site.registry.createToken({ name: "root", scopes: ["admin"] }));
    shown = await openConsole(site.server.url);
    page = await shown.signIn(await shown.newContext(), secret);
    const { artifacts } = await site.registry.getRelease("fieldnote", { release: "4.2.1" });
    for (let count = 0; count < 7; count += 1) {
      const query = count < 3 ? "?channel=stable" : "";
      await (await fetch(`${site.server.url}/download/${artifacts[0]!.sha256}${query}`)).arrayBuffer();
    }
    await site.store.downloads.flush();
  }, 120_000);
  afterAll(async () => {
    await shown.close();
    await site.close();
  });

  async function api<T>(path: string): Promise<T> {
    const answer = await fetch(`${site.server.url}${path}`, {
      headers: { Authorization: `Bearer ${secret}` },
    });
    expect([path, answer.status]).toEqual([path, 200]);
    return (await answer.json()) as T;
  }
  const open = (path: string) => page.goto(`${site.server.url}${path}`);
  const words = (text: string | null) => (text ?? "").replaceAll(/\s+/g, " ").trim();
  /** The cells of the row of an id, in order. */
  async function cellsOf(id: string): Promise<string[]> {
    return (await page.locator(`tr[data-id="${id}"] > *`).allTextContents()).map(words);
  }
  const sumOf = async (cells: Locator) =>
    (await cells.allTextContents()).map(Number).reduce((sum, one) => sum + one, 0);
  const timesIn = (selector: string) =>
    page
      .locator(`${selector} time`)
      .evaluateAll((times) => times.map((time) => time.getAttribute("datetime")));

  it("packages", async () => {
    const { items } = await api<Items<PackageItem>>("/api/packages?limit=50");
    await open("/admin/packages");
    const ids = await page
      .locator("tbody tr")
      .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-id")));
    expect(ids).toEqual(items.map(({ id }) => id));
    for (const item of items) {
      const cells = await cellsOf(item.id);
      expect(cells[1]).toBe("Finalized");
      expect(item.status).toBe("finalized");
      expect(cells.slice(4, 6)).toEqual([String(item.file_count), sizeText(item.size_bytes)]);
      expect((await timesIn(`tr[data-id="${item.id}"] td[data-label="created"]`))[0]).toBe(item.created_at);
      const keeper = item.kept_by.holds > 0 ? "1 hold" : item.kept_by.channels.join(", ");
      if (keeper !== "") expect(cells[6]).toBe(keeper);
    }
  });

  it("a package, its files, and why it is kept", async () => {
    const { items } = await api<Items<PackageItem>>("/api/packages?subject=nemaki+3.0.0");
    const { id } = items[0]!;
    const one = await api<{ created_at: string; finalized_at: string; manifest_sha256: string }>(
      `/api/packages/${id}`,
    );
    const files = await api<Items<{ path: string; sha256: string; size_bytes: number; media_type: string }>>(
      `/api/packages/${id}/files`,
    );
    const retention = await api<{ reasons: readonly { text: string; until: string | null }[] }>(
      `/api/packages/${id}/retention`,
    );
    const history = await api<Items<{ at: string }>>(`/api/packages/${id}/retention/history`);
    await open(`/admin/packages/${id}`);
    for (const file of files.items) {
      const cells = await cellsOf(file.sha256);
      expect(cells.slice(0, 3)).toEqual([file.path, file.media_type, sizeText(file.size_bytes)]);
      expect(await page.locator(`code[title="${file.sha256}"]`).count()).toBe(1);
    }
    expect(await timesIn("dl.facts")).toEqual([one.created_at, one.finalized_at]);
    expect(await page.locator(`code[title="${one.manifest_sha256}"]`).count()).toBe(1);
    const body = words(await page.locator("main").textContent());
    for (const { text } of retention.reasons) expect(body).toContain(words(text));
    const logged = page.getByRole("heading", { name: "History" }).locator("xpath=ancestor::section");
    const at = await logged
      .locator(".age time")
      .evaluateAll((times) => times.map((time) => time.getAttribute("datetime")));
    expect(at).toEqual(history.items.map((event) => event.at));
  });

  it("what the store keeps", async () => {
    const usage = await api<{
      packages: number;
      size_bytes: number;
      objects: { objects: number; size_bytes: number };
      by_class: readonly { retention_class: string | null; packages: number; size_bytes: number }[];
      by_state: Record<string, { packages: number; size_bytes: number }>;
      by_app: readonly { app: string; packages: number; size_bytes: number }[];
      by_month: readonly { month: string; packages: number; size_bytes: number }[];
    }>("/api/storage");
    await open("/admin/retention");
    const rows = await page
      .locator("tbody tr")
      .evaluateAll((all) =>
        all.map((row) => [...row.children].map((cell) => cell.textContent!.trim().replaceAll(/\s+/g, " "))),
      );
    const cellsAfter = (name: string) => rows.find(([first]) => first!.split(" ")[0] === name)?.slice(-2);
    const sum = (one: { packages: number; size_bytes: number }) => [
      String(one.packages),
      sizeText(one.size_bytes),
    ];
    for (const one of usage.by_class)
      if (one.retention_class !== null) expect(cellsAfter(one.retention_class)).toEqual(sum(one));
    for (const one of usage.by_app) expect(cellsAfter(one.app)).toEqual(sum(one));
    for (const one of usage.by_month) expect(cellsAfter(one.month)).toEqual(sum(one));
    expect(cellsAfter("Held")).toEqual(sum(usage.by_state["held"]!));
    const body = words(await page.locator("main").textContent());
    expect(body).toContain(`${sizeText(usage.size_bytes)} in ${usage.packages} packages`);
    expect(body).toContain(`${usage.objects.objects} objects take ${sizeText(usage.objects.size_bytes)}`);
  });

  it("the log", async () => {
    const { items } =
      await api<Items<{ id: number; actor: string; created_at: string; action: string }>>(
        "/api/audit?limit=50",
      );
    await open("/admin/audit");
    const table = page.getByRole("region", { name: "Events, latest first" });
    const rows = await table.locator("tbody tr").evaluateAll((all) =>
      all.map((row) => ({
        cells: [...row.children].map((cell) => cell.textContent!.trim()),
        action: row.querySelector("summary")!.textContent,
        at: row.querySelector("td time")!.getAttribute("datetime"),
      })),
    );
    expect(rows.map(({ cells, action, at }) => [Number(cells[3]), cells[1], action, at])).toEqual(
      items.map(({ id, actor, action, created_at }) => [id, actor, action, created_at]),
    );
  });

  it("tokens and sessions", async () => {
    const { items } = await api<
      Items<{
        id: string;
        name: string;
        status: string;
        scopes: readonly string[];
        created_by: string;
        last_used_at: string | null;
        expires_at: string | null;
      }>
    >("/api/tokens?limit=100");
    await open("/admin/tokens");
    expect(await page.locator("tbody tr").count()).toBe(items.length);
    for (const token of items) {
      const cells = await cellsOf(token.id);
      expect([cells[1], cells[2], cells[6]]).toEqual([
        token.status,
        token.scopes.join(", "),
        token.created_by,
      ]);
      const times = [token.last_used_at, token.expires_at].filter((at) => at !== null);
      expect(await timesIn(`tr[data-id="${token.id}"]`)).toEqual(times);
    }
    const sessions =
      await api<Items<{ actor: string; created_at: string; expires_at: string }>>("/api/sessions");
    await open("/admin/settings");
    const table = page.getByRole("region", { name: "Sessions" });
    expect(await table.locator("tbody tr").count()).toBe(sessions.items.length);
    expect(
      await table
        .locator('td[data-label="since"] time')
        .evaluateAll((times) => times.map((time) => time.getAttribute("datetime"))),
    ).toEqual(sessions.items.map((session) => session.created_at));
  });

  it("a release and its files", async () => {
    for (const [app, version] of [
      ["fieldnote", "4.3.0"],
      ["demos", "5.0.0"],
    ] as const) {
      const release = await api<{ id: string; published_at: string; artifacts: readonly Artifact[] }>(
        `/api/apps/${app}/releases/${version}`,
      );
      await open(`/admin/apps/${app}/releases/${release.id}`);
      expect(await timesIn(".head")).toEqual([release.published_at]);
      for (const artifact of release.artifacts) {
        const row = page.locator("tr", { hasText: artifact.filename });
        const text = words(await row.textContent());
        expect(text).toContain(sizeText(artifact.size_bytes));
        expect(await row.locator(`code[title="${artifact.sha256}"]`).count()).toBe(1);
        for (const { code, message } of artifact.findings) {
          expect(text).toContain(code);
          expect(text).toContain(words(message));
        }
        const warnings = artifact.findings.length;
        expect(text).toContain(warnings === 0 ? "Passed" : `${warnings} warning`);
        expect(artifact.validation_status).toBe("passed");
      }
    }
  });

  it("downloads, by version and by channel", async () => {
    const { downloads } = await api<{
      downloads: readonly { day: string; channel: string | null; version: string; downloads: number }[];
    }>("/api/apps/fieldnote/statistics?days=30");
    const all = downloads.reduce((sum, one) => sum + one.downloads, 0);
    const stable = downloads
      .filter(({ channel }) => channel === "stable")
      .reduce((sum, one) => sum + one.downloads, 0);
    expect([all, stable]).toEqual([7, 3]);
    await open("/admin/apps/fieldnote");
    const channels = page.getByRole("region", { name: /^Channels/ });
    const row = channels.locator("tr", { has: page.getByRole("link", { name: "stable", exact: true }) });
    expect(words(await row.locator('td[data-label="downloads"]').textContent())).toBe(String(stable));
    const today = page.locator("figure").first().locator("tbody tr").last();
    expect(await today.locator("th").textContent()).toBe(downloads[0]!.day);
    expect(await sumOf(today.locator("td"))).toBe(all);
    await open("/admin/");
    const store = await api<{ downloads: readonly { day: string; downloads: number }[] }>(
      "/api/statistics?days=30",
    );
    const counted = store.downloads.filter(({ day }) => day === store.downloads[0]!.day);
    expect(await sumOf(page.locator("figure").first().locator("tbody tr").last().locator("td"))).toBe(
      counted.reduce((sum, one) => sum + one.downloads, 0),
    );
  });

  it("what needs a decision", async () => {
    const status = await api<{ decisions: readonly { message: string }[] }>("/api/status");
    await open("/admin/");
    const body = words(await page.locator("main").textContent());
    expect(status.decisions.length).toBeGreaterThan(1);
    for (const { message } of status.decisions) expect(body).toContain(words(message));
    expect(body).toContain(`${status.decisions.length} things need a decision.`);
  });
});
