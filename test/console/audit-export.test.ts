import { get } from "node:http";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { AuditFilter, AuditRecord } from "../../src/registry/records/events.ts";
import { startTestServer, type TestServer } from "../server/process-server.ts";
import { sourceOf } from "../support/test-store.ts";

/** More than are read at once. */
const EVENTS = 1_200;
/** What spreadsheets and careless writers of CSV trip over. */
const odd = [
  "=1+1",
  "+1",
  "-1",
  "@SUM(A1)",
  'a "quoted" word',
  "one, two",
  "one\r\ntwo",
  "one\ntwo",
  "\u202eetad",
  "'already",
  "ä 漢 😀",
];

let site: TestServer;
let cookie: string;

beforeAll(async () => {
  site = await startTestServer(undefined);
  const { registry, store } = site;
  await registry.createApp("acme", {});
  await registry.setChannel("acme", "beta", {});
  const { id } = await registry.createPackage({ kind: "run" });
  const { sha256 } = await registry.uploadObject(sourceOf(Buffer.from("x")));
  for (let first = 0; first < EVENTS; first += 100) {
    for (let n = first; n < first + 100; n += 1)
      await registry.addPackageFiles(id, [{ path: `file-${n}`, sha256 }]);
    site.clock.advance(1000);
  }
  await registry.finalizePackage(id);
  for (const reason of odd) await registry.holdPackage(id, { reason });
  // Actors' names are cells by themselves.
  for (const name of ["=cmd", "+1", 'say "hi", twice']) {
    const { secret } = await registry.createToken({ name, scopes: ["admin"] });
    await store.as(await store.authenticate(secret)).createApp(`app-${name.length}`, {});
  }
  const { secret } = await registry.createToken({ name: "reader", scopes: ["audit"] });
  const answer = await fetch(`${site.server.url}/admin/sign-in`, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ token: secret }),
  });
  cookie = answer.headers.getSetCookie()[0]!.split(";", 1)[0]!;
}, 120_000);
afterAll(() => site.close());

async function exported(format: string, filter: AuditFilter = {}): Promise<string> {
  const query = new URLSearchParams({ ...filter, format }).toString();
  const answer = await fetch(`${site.server.url}/admin/audit/export?${query}`, {
    headers: { Cookie: cookie },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="audit.${format}"`);
  return await answer.text();
}

/** Every event that the API answers, page by page, oldest first. */
async function answered(filter: AuditFilter = {}): Promise<AuditRecord[]> {
  const all: AuditRecord[] = [];
  let after: string | null = null;
  do {
    const page = await site.registry.listAudit({
      ...filter,
      order: "ascending",
      limit: 500,
      ...(after !== null && { after }),
    });
    all.push(...page.items);
    after = page.next;
  } while (after !== null);
  return all;
}

/** RFC 4180 to the letter: records end with CRLF, a quote inside quotes is doubled, and nothing else stands beside quotes. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex;
    const match = cell.exec(text);
    if (match === null) throw new Error(`No cell at ${at}: ${JSON.stringify(text.slice(at, at + 40))}`);
    row.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === "\r\n") {
      rows.push(row);
      row = [];
    }
  }
  if (row.length > 0) throw new Error("The last record has no end.");
  return rows;
}

describe("an export of the log", () => {
  it("has every event as a line of JSON", async () => {
    const all = await answered();
    expect(all.length).toBeGreaterThan(EVENTS);
    const lines = (await exported("jsonl")).split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(all);
  });

  it("has every event as a record of CSV, in which no cell is a formula", async () => {
    const all = await answered();
    const [head, ...rows] = parseCsv(await exported("csv"));
    expect(head).toEqual(Object.keys(all[0]!).toSorted((a, b) => head!.indexOf(a) - head!.indexOf(b)));
    expect(rows).toHaveLength(all.length);
    const guarded = (value: string) => (/^[=+\-@\t\r]/.test(value) ? `'${value}` : value);
    rows.forEach((row, n) => {
      const event = all[n]! as unknown as Record<string, unknown>;
      const wanted = head!.map((name) => {
        const value = event[name];
        return guarded(
          typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? ""),
        );
      });
      expect(row).toEqual(wanted);
      for (const value of row) expect(value).not.toMatch(/^[=+\-@\t\r]/);
    });
    const reasons = rows.map((row) => (JSON.parse(row.at(-1)!) as { reason?: string }).reason);
    expect(reasons.filter((reason) => odd.includes(reason ?? ""))).toEqual(odd);
  });

  const filters: readonly AuditFilter[] = [
    { app: "acme" },
    { actor: "token:=cmd" },
    { action: "retention.hold_applied" },
    { action: "v1.channel.created", app: "acme" },
    { since: "2026-11-20T15:00:03Z", until: "2026-11-20T15:00:05Z" },
    { target: "nothing" },
  ];
  it.each(filters)("of %j has what the API answers for it", async (filter) => {
    const ids = (await answered(filter)).map(({ id }) => id);
    const lines = (await exported("jsonl", filter)).split("\n").filter(Boolean);
    expect(lines.map((line) => (JSON.parse(line) as AuditRecord).id)).toEqual(ids);
    expect(ids.length === 0).toBe(filter.target === "nothing");
  });

  it("of a filter that there is not is refused before it begins", async () => {
    const query = async (text: string) => {
      const answer = await fetch(`${site.server.url}/admin/audit/export?${text}`, {
        headers: { Cookie: cookie },
      });
      return `${answer.status} ${/[a-z]+\.[a-z_]+/.exec(await answer.text())?.[0]}`;
    };
    expect(await query("format=xml")).toBe("400 request.invalid_parameter");
    expect(await query("format=csv&since=yesterday")).toContain("400");
    expect(await query("format=csv&app=nowhere")).toContain("404");
  });

  it("ends when nobody reads it any more", async () => {
    await new Promise<void>((resolve, reject) => {
      const request = get(
        `${site.server.url}/admin/audit/export?format=jsonl`,
        { headers: { Cookie: cookie } },
        (answer) => {
          answer.once("data", () => request.destroy());
          answer.on("error", () => resolve());
          answer.on("close", () => resolve());
        },
      );
      request.on("error", reject);
    }).catch(() => undefined);
    // The server goes on to answer, and has nothing to say of it.
    expect((await exported("jsonl", { action: "channel.created" })).length).toBeGreaterThan(0);
    expect(site.log.filter(({ level }) => level === "error")).toEqual([]);
  });
});
