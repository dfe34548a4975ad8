import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { delay } from "../../src/base/async.ts";
import { systemClock } from "../../src/base/clock.ts";
import { openStore } from "../../src/registry/open-store.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import type { Scope } from "../../src/registry/records/tokens.ts";
import type { StreamLimits } from "../../src/server/stream/mount-stream.ts";
import { openTestStore, publishTar, sqlOn, type TestStore } from "../support/test-store.ts";
import { startStreamServer, StreamReader, type StreamServer } from "./stream-harness.ts";

let test: TestStore;
let server: StreamServer;
let auditor: { id: string; secret: string };
const opened: StreamReader[] = [];

beforeEach(async () => {
  test = await openTestStore();
  server = await startStreamServer(test);
  await test.registry.createApp("acme", {});
  await test.registry.createApp("other", {});
  auditor = await token("auditor", ["audit"]);
});
afterEach(async () => {
  for (const reader of opened.splice(0)) reader.close();
  await server.close();
  await test.close();
});

/** A token that was used already, so that its first use adds no event later. */
async function token(name: string, scopes: Scope[], limits: { app?: string; expires_in?: string } = {}) {
  const made = await test.registry.createToken({ name, scopes, ...limits });
  await test.store.authenticate(made.secret);
  return made;
}

async function withLimits(limits: Partial<StreamLimits>): Promise<void> {
  await server.close();
  const wide = { heartbeatMs: 15_000, bufferBytes: 2 ** 20, stallMs: 30_000, graceMs: 5_000, maxStreams: 9 };
  server = await startStreamServer(test, { ...wide, ...limits });
}

async function open(query = "", secret = auditor.secret, lastEventId?: string): Promise<StreamReader> {
  const reader = await StreamReader.open(server.url + query, secret, lastEventId);
  opened.push(reader);
  return reader;
}

async function ask(query: string, headers: Record<string, string> = {}) {
  const authorization = { Authorization: `Bearer ${auditor.secret}` };
  const response = await fetch(server.url + query, { headers: { ...authorization, ...headers } });
  return { status: response.status, body: await response.json() };
}

/** What a stream's request would be answered, without the stream. */
function askHead() {
  const headers = { Accept: "text/event-stream", Authorization: `Bearer ${auditor.secret}` };
  return fetch(server.url, { method: "HEAD", headers });
}

/** More events than the sockets between two processes can hold: 24 MiB. */
function fillLog(): void {
  sqlOn(
    test,
    `INSERT INTO event (seq, type, at, actor, subject, data, bytes, leaf_hash)
     WITH RECURSIVE n(seq) AS (
       SELECT head + 1 FROM log_head UNION ALL SELECT seq + 1 FROM n WHERE seq < (SELECT head + 400 FROM log_head))
     SELECT seq, 'v1.test.filled', '', '', '', ?, x'', x'' FROM n`,
    JSON.stringify({ text: "0".repeat(61_440) }),
  );
  sqlOn(test, "UPDATE log_head SET head = head + 400");
}

const head = () => Number(sqlOn(test, "SELECT head FROM log_head")[0]!["head"]);
const logId = () => String(sqlOn(test, "SELECT log_id FROM log_head")[0]!["log_id"]);
const touch = (app: string, owner: string) => test.registry.updateApp(app, { owner });
const upTo = (seq: number) => (reader: StreamReader) => (reader.ids().at(-1) ?? 0) >= seq;
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("a stream", () => {
  it("begins with the log's id and head, then gives every event under its type", async () => {
    const reader = await open();
    await reader.until(upTo(head()));
    expect(reader.response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
    });
    const [hello, ...events] = reader.messages;
    expect(hello).toEqual({ id: undefined, event: "hello", data: { log_id: logId(), head: head() } });
    expect(reader.ids()).toEqual(numbers(1, head()));
    const { items } = await test.registry.readEvents({ after: 0 });
    expect(events.map(({ data }) => data)).toEqual(items);
    expect(events.map(({ event }) => event)).toEqual(items.map((item) => "type" in item && item.type));
  });

  it("goes on with what is recorded later, from where `after` says", async () => {
    const start = head();
    const reader = await open(`?after=${start}`);
    await reader.until(({ messages }) => messages.length > 0);
    await publishTar(test.registry, { version: "1" });
    await test.registry.revokeRelease("acme", { release: "1" }, { reason: "bad\n\nevent: forged\r\nü" });
    await reader.until(upTo(head()));
    expect(reader.ids()).toEqual(numbers(start + 1, head()));
    expect(reader.messages.at(-1)).toMatchObject({
      event: "v1.release.revoked",
      data: { data: { reason: "bad\n\nevent: forged\r\nü" } },
    });
  });

  // The reader hangs up at odd moments while another process writes; what it has seen must be the log, each event once.
  it("has no gap and no repeat across reconnects while another process writes", async () => {
    const start = head();
    const elsewhere = await openStore({ ...test, create: false, clock: systemClock });
    const registry = elsewhere.as(localPrincipal("else"));
    const writing = (async () => {
      for (let count = 0; count < 200; count++) {
        await registry.updateApp("acme", { owner: `owner ${count}` });
        await delay(1);
      }
    })();
    const seen: number[] = [];
    let reconnects = 0;
    while ((seen.at(-1) ?? start) < start + 200) {
      // `after` stays as it was, as in a browser: Last-Event-ID has to beat it.
      const reader = await open(`?after=${start}`, auditor.secret, seen.at(-1)?.toString());
      const enough = 1 + ((reconnects * 7) % 23);
      await reader.until((r) => r.ids().length >= enough || upTo(start + 200)(r));
      reader.close();
      // What came after the moment it gave up is lost to it, and has to come again.
      seen.push(...reader.ids().slice(0, enough));
      reconnects += 1;
    }
    await writing;
    await elsewhere.close();
    expect(reconnects).toBeGreaterThan(3);
    expect(seen).toEqual(numbers(start + 1, start + 200));
  });

  it("goes on after the server was started again", async () => {
    const before = await open();
    await before.until(upTo(2));
    await server.close();
    await touch("acme", "meanwhile");
    server = await startStreamServer(test);
    const after = await open("", auditor.secret, String(before.ids().at(-1)));
    await after.until(upTo(head()));
    expect([...before.ids(), ...after.ids()]).toEqual(numbers(1, head()));
  });

  it("is longer than one batch", async () => {
    for (let count = 0; count < 600; count++) await touch("acme", `${count}`);
    const reader = await open();
    await reader.until(upTo(head()));
    expect(reader.ids()).toEqual(numbers(1, head()));
  });

  it("gives a token limited to an app that app's events, and a cursor past the others", async () => {
    const limited = await token("limited", ["audit"], { app: "acme" });
    const start = head();
    for (const owner of ["a", "b", "c"]) await touch("other", owner);
    await touch("acme", "mine");
    for (const owner of ["d", "e"]) await touch("other", owner);
    const reader = await open(`?after=${start}`, limited.secret);
    await reader.until(upTo(start + 6));
    expect(reader.messages.slice(1)).toEqual([
      expect.objectContaining({ id: start + 4, event: "v1.app.updated" }),
      { id: start + 6, event: "cursor", data: { seq: start + 6 } },
    ]);
  });

  it("shows that it lives when nothing happens", async () => {
    await withLimits({ heartbeatMs: 1 });
    const reader = await open(`?after=${head()}`);
    await reader.until(({ comments }) => comments >= 2);
    expect(reader.messages.map(({ event }) => event)).toEqual(["hello"]);
  });

  it("is not polled for once its reader has gone", async () => {
    const reader = await open();
    await reader.until(upTo(head()));
    await expect.poll(() => test.store.tail.waiting).toBe(1);
    reader.close();
    await expect.poll(() => test.store.tail.waiting).toBe(0);
  });

  it("is not begun for a HEAD request", async () => {
    const response = await askHead();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(test.store.tail.waiting).toBe(0);
  });
});

describe("a stream ends", () => {
  it("with `bye` when the server stops", async () => {
    const reader = await open();
    await reader.until(upTo(head()));
    server.closeStreams();
    expect(await reader.last()).toMatchObject({ event: "bye" });
    expect(await (await open()).last()).toMatchObject({ event: "bye" });
  });

  it("when its token is revoked, by whichever process, without what came after", async () => {
    const reader = await open();
    await reader.until(upTo(head()));
    const elsewhere = await openStore({ ...test, create: false, clock: systemClock });
    const registry = elsewhere.as(localPrincipal("else"));
    await registry.revokeToken(auditor.id);
    const revokedAt = head();
    await registry.updateApp("acme", { owner: "secret plan" });
    await elsewhere.close();
    expect(await reader.last()).toMatchObject({ event: "dropped", data: { reason: "auth.revoked" } });
    expect(Math.max(...reader.ids())).toBeLessThan(revokedAt);
  });

  it("when its token expires", async () => {
    await withLimits({ heartbeatMs: 1 });
    const brief = await token("brief", ["audit"], { expires_in: "1h" });
    const reader = await open("", brief.secret);
    await reader.until(({ comments }) => comments >= 1);
    test.clock.advance(3600_000);
    expect(await reader.last()).toMatchObject({ event: "dropped", data: { reason: "auth.expired" } });
  });

  it("when the log is no longer the one it began with", async () => {
    const reader = await open();
    await reader.until(upTo(head()));
    sqlOn(test, "UPDATE log_head SET log_id = 'log_other'");
    await touch("acme", "x");
    expect(await reader.last()).toMatchObject({
      event: "dropped",
      data: { reason: "events.cursor_unknown" },
    });
  });

  it("with a word that says nothing of the inside when something breaks", async () => {
    const reader = await open();
    await reader.until(upTo(head()));
    sqlOn(
      test,
      "INSERT INTO event SELECT head + 1, 'v1.test', '', '', '', NULL, '{', x'', x'' FROM log_head WHERE id = 1",
    );
    sqlOn(test, "UPDATE log_head SET head = head + 1");
    await touch("acme", "x");
    expect(await reader.last()).toEqual({
      id: undefined,
      event: "dropped",
      data: { reason: "internal.unexpected", message: "Something went wrong here." },
    });
  });

  // Its memory would grow with what nobody fetches, and its connection would stay for ever.
  it("when its reader does not read: told so, then cut off", async () => {
    await withLimits({ bufferBytes: 64 * 1024, stallMs: 50, graceMs: 50 });
    fillLog();
    const reader = await open();
    reader.response.pause();
    await expect.poll(() => server.connections(), { timeout: 20_000 }).toBe(0);
    reader.response.resume();
    await reader.last();
    expect(reader.response.complete).toBe(false);
    expect(reader.ids()).toEqual(numbers(1, reader.ids().length));
    expect(reader.ids().length).toBeLessThan(head());
  });

  it("when its reader stops for too long, and it hears why when it goes on in time", async () => {
    await withLimits({ bufferBytes: 64 * 1024, stallMs: 50, graceMs: 60_000, maxStreams: 1 });
    fillLog();
    const reader = await open();
    reader.response.pause();
    // Its place is free again: the server has given up on it.
    await expect.poll(async () => (await askHead()).status, { timeout: 20_000 }).toBe(200);
    reader.response.resume();
    expect(await reader.last()).toMatchObject({ event: "dropped", data: { reason: "slow_consumer" } });
    expect(reader.ids()).toEqual(numbers(1, reader.ids().length));
    expect(reader.ids().length).toBeLessThan(head());
  });
});

describe("whoever may not read", () => {
  const stream = { Accept: "text/event-stream" };

  it.each([{}, stream])("is refused before anything is sent (%j)", async (headers) => {
    const ci = await token("ci", ["publish"]);
    const brief = await token("brief", ["audit"], { expires_in: "1h" });
    const gone = await token("gone", ["audit"]);
    await test.registry.revokeToken(gone.id);
    test.clock.advance(3600_000);
    const outcome = async (secret: string) => {
      const { status, body } = await ask("", { ...headers, Authorization: `Bearer ${secret}` });
      return [status, (body as { error: { code: string } }).error.code];
    };
    expect(await outcome(ci.secret)).toEqual([403, "auth.missing_scope"]);
    expect(await outcome(brief.secret)).toEqual([403, "auth.expired"]);
    expect(await outcome(gone.secret)).toEqual([403, "auth.revoked"]);
    expect(await outcome("dist_x")).toEqual([401, "auth.malformed_token"]);
    const anonymous = await fetch(server.url, { headers });
    expect([anonymous.status, await anonymous.json()]).toMatchObject([
      401,
      { error: { code: "auth.missing_token" } },
    ]);
  });

  it.each([{}, stream])("is told when the cursor is of another log (%j)", async (headers) => {
    const unknown = { status: 410, body: { error: { code: "events.cursor_unknown" } } };
    expect(await ask(`?after=${head() + 1}`, headers)).toMatchObject(unknown);
    expect(await ask("?after=0&log_id=log_other", headers)).toMatchObject(unknown);
    expect(await ask("?after=0", { ...headers, "Last-Event-ID": "99999" })).toMatchObject(unknown);
  });

  it.each(["-1", "1.5", "x", "", "9".repeat(16)])("is told that %j is no number", async (after) => {
    expect(await ask(`?after=${after}`)).toMatchObject({
      status: 400,
      body: { error: { code: "request.invalid_parameter", details: { parameter: "after" } } },
    });
  });

  it("is told when too many streams are open, and let in when one has gone", async () => {
    await withLimits({ maxStreams: 1 });
    const first = await open();
    expect(await ask("", stream)).toMatchObject({
      status: 503,
      body: { error: { code: "events.too_many_streams" } },
    });
    first.close();
    await expect.poll(async () => (await askHead()).status).toBe(200);
  });
});

describe("pages", () => {
  it("hold the log, one behind the other", async () => {
    const seen: unknown[] = [];
    let next: string | null = "0";
    while (next !== null) {
      const { status, body } = await ask(`?after=${next}&limit=2`);
      expect([status, Object.keys(body as object)]).toEqual([200, ["log_id", "head", "items", "next"]]);
      const page = body as { log_id: string; head: number; items: unknown[]; next: string | null };
      expect([page.log_id, page.head]).toEqual([logId(), head()]);
      seen.push(...page.items);
      next = page.next;
    }
    expect(seen).toEqual((await test.registry.readEvents({ after: 0 })).items);
  });

  it("have 1 to 1,000 events, and end where the log does", async () => {
    expect(await ask("?limit=1001")).toMatchObject({
      status: 400,
      body: { error: { code: "page.invalid_limit" } },
    });
    expect(await ask(`?after=${head()}`)).toMatchObject({ status: 200, body: { items: [], next: null } });
  });
});
