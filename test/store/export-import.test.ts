import { cp, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type CanonicalValue, encodeCanonical } from "../../src/base/cbor.ts";
import { readLines } from "../../src/cli/read-lines.ts";
import { fullHistory, HistoryRun } from "../catalog/histories.ts";
import { openTestStore, publishTar, type TestStore } from "../support/test-store.ts";
import { dumpViews, flipBit, makeDirectory, objectPath, overwrite, rowsOf, tamper } from "./store-files.ts";

let source: TestStore;
let target: TestStore;
let text: string;

beforeEach(async () => {
  source = await openTestStore({ directory: await makeDirectory(), blobs: "directory" });
  await new HistoryRun(source).run(fullHistory);
  text = await exportOf(source);
  target = await openTestStore({ directory: await makeDirectory(), blobs: "directory" });
});
afterEach(async () => {
  for (const { close, directory } of [source, target]) {
    await close();
    await rm(directory, { recursive: true, force: true });
  }
});

async function exportOf({ registry }: TestStore): Promise<string> {
  let whole = "";
  for await (const piece of registry.exportStore()) whole += piece;
  return whole;
}

/** Through the reader that the command line uses, in pieces that cut lines and characters anywhere. */
function importText(whole: string, size = 1_000) {
  async function* pieces() {
    const bytes = Buffer.from(whole);
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  }
  return target.registry.importStore(readLines(pieces()));
}

/** One line of the export as its people-readable entry. */
interface Entry {
  seq: number;
  cbor: string;
  [key: string]: unknown;
}

const linesOf = (whole: string) => whole.split("\n");

/** The export with its entries changed. */
function changed(change: (entries: Entry[]) => (Entry | string)[]): string {
  const [header, ...rest] = linesOf(text);
  const entries = rest.slice(0, -2).map((line) => JSON.parse(line.replace(/,$/, "")) as Entry);
  const lines = change(entries).map((entry) => (typeof entry === "string" ? entry : JSON.stringify(entry)));
  return `${header}\n${lines.join(",\n")}\n]}\n`;
}

/** An entry that is not what was recorded, its bytes and its readable members in agreement. */
function forged(entry: Entry, change: object): Entry {
  const { cbor: _, ...event } = { ...entry, ...change };
  const bytes = encodeCanonical(event as unknown as CanonicalValue);
  return { ...event, cbor: Buffer.from(bytes).toString("base64") };
}

/** Refused, and nothing of it stayed. */
async function expectRefused(whole: string, code: string): Promise<void> {
  const identity = "SELECT log_id, head, last_at FROM log_head";
  const before = { head: rowsOf(target.directory, identity), views: dumpViews(target.directory) };
  await expect(importText(whole)).rejects.toMatchObject({ code });
  expect({ head: rowsOf(target.directory, identity), views: dumpViews(target.directory) }).toEqual(before);
  expect(rowsOf(target.directory, "SELECT seq FROM event")).toEqual([]);
  expect(await target.registry.verifyStore()).toMatchObject({ ok: true });
}

describe("an export", () => {
  it("is one JSON document that names the log, with every event", async () => {
    const document = JSON.parse(text) as Record<string, unknown> & { events: Entry[] };
    const { log_id, head } = await source.registry.storeStatus();
    expect(document).toMatchObject({ format: "dist.log.v1", log_id, head });
    expect(document.events.map(({ seq }) => seq)).toEqual(Array.from({ length: head }, (_, n) => n + 1));
    const stored = rowsOf(source.directory, "SELECT bytes FROM event ORDER BY seq");
    expect(document.events.map(({ cbor }) => cbor)).toEqual(
      stored.map(({ bytes }) => Buffer.from(bytes as Uint8Array).toString("base64")),
    );
  });

  it("has one event a line, and ends with a line feed", () => {
    const lines = linesOf(text);
    expect(lines.at(-1)).toBe("");
    expect(lines.at(-2)).toBe("]}");
    for (const line of lines.slice(1, -2)) expect(JSON.parse(line.replace(/,$/, ""))).toHaveProperty("cbor");
    expect(lines).toHaveLength(JSON.parse(text).events.length + 3);
  });

  it("of an empty log is a document too, and moves the log's identity", async () => {
    const empty = await exportOf(target);
    expect(JSON.parse(empty)).toMatchObject({ head: 0, events: [] });
    const other = target;
    target = await openTestStore({ directory: await makeDirectory(), blobs: "directory" });
    expect(await importText(empty)).toMatchObject({ ok: true, events: 0 });
    expect(await exportOf(target)).toBe(empty);
    await other.close();
    await rm(other.directory, { recursive: true });
  });

  it("is one state of the log, whatever is published while it is read", async () => {
    let late = "";
    for await (const piece of source.registry.exportStore()) {
      if (late === "") await publishTar(source.registry, { version: "9.0", channel: "beta" });
      late += piece;
    }
    expect(late).toBe(text);
    expect(await exportOf(source)).not.toBe(text);
  });

  // A reader that goes away must end the snapshot: otherwise every later checkpoint is held up, and this hangs.
  it("can be left in the middle", async () => {
    for (let n = 0; n < 20; n += 1) {
      for await (const piece of source.registry.exportStore()) {
        expect(piece).toContain("dist.log.v1");
        break;
      }
    }
    expect(await exportOf(source)).toBe(text);
  });

  it.each([
    ["log.gap", "DELETE FROM event WHERE seq = 2"],
    ["log.gap", "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)"],
    ["log.hash_mismatch", "UPDATE event SET leaf_hash = zeroblob(32) WHERE seq = 4"],
  ])("of a damaged log ends with %s (%s)", async (code, sql) => {
    tamper(source.directory, sql);
    await expect(exportOf(source)).rejects.toMatchObject({ code, kind: "corrupt" });
  });

  it("needs the scope admin", async () => {
    const stranger = { ...source, registry: source.as(["read", "publish", "audit"]) };
    await expect(exportOf(stranger)).rejects.toMatchObject({ code: "auth.missing_scope" });
  });
});

describe("an import", () => {
  it("takes over the log with its identity and every byte, and appends nothing", async () => {
    await cp(join(source.directory, "objects"), join(target.directory, "objects"), { recursive: true });
    const { log_id, head, storage } = await source.registry.storeStatus();
    expect(await importText(text)).toEqual({
      ok: true,
      problems: [],
      log_id,
      events: head,
      objects: { adopted: storage.objects, missing: [] },
    });
    expect(await target.registry.storeStatus()).toMatchObject({ log_id, head, storage });
    expect(await exportOf(target)).toBe(text);
    expect(dumpViews(target.directory)).toEqual(dumpViews(source.directory));
    expect(await target.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
    expect(await target.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
  });

  it("goes on with the log where it ended", async () => {
    await importText(text);
    const { head } = await target.registry.storeStatus();
    target.clock.advance(-24 * 3600 * 1000);
    await publishTar(target.registry, { version: "9.0", channel: "beta" });
    const rows = rowsOf(target.directory, `SELECT seq, at FROM event WHERE seq >= ${head} ORDER BY seq`);
    expect(rows[1]).toEqual({ seq: head + 1, at: rows[0]!["at"] });
    expect(await target.registry.rebuildStore()).toMatchObject({ ok: true });
  });

  it.each([1, 7, 65_536])("does not depend on where the text is cut (%d bytes)", async (size) => {
    await importText(text, size);
    expect(await exportOf(target)).toBe(text);
  });

  it("takes lines that end as on Windows", async () => {
    await importText(text.replaceAll("\n", "\r\n"));
    expect(await exportOf(target)).toBe(text);
  });

  // U+2028 ends a line for some readers and stands unescaped in JSON text.
  it("takes every character that notes may hold", async () => {
    const notes = "a\u2028b\u2029c\u0085d\r\ne\u0000f\ufeff\u{1f680}";
    await source.registry.draftRelease({ app: "acme", version: "8.0", notes });
    await importText(await exportOf(source));
    expect((await target.registry.getRelease("acme", { release: "8.0" })).notes).toBe(notes);
  });

  it("refuses a store that has a log, and leaves it as it is", async () => {
    await publishTar(target.registry, { version: "1.0", channel: "beta" });
    const before = await exportOf(target);
    await expect(importText(text)).rejects.toMatchObject({ code: "store.not_empty", kind: "conflict" });
    expect(await exportOf(target)).toBe(before);
  });

  it("refuses to run twice", async () => {
    await importText(text);
    await expect(importText(text)).rejects.toMatchObject({ code: "store.not_empty" });
  });

  it("stops when asked, and leaves nothing", async () => {
    async function* lines() {
      yield* linesOf(text);
    }
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(target.registry.importStore(lines(), { signal })).rejects.toThrow("stop");
    expect(rowsOf(target.directory, "SELECT seq FROM event")).toEqual([]);
  });

  it("leaves nothing when the text breaks off with an error", async () => {
    async function* broken() {
      yield* linesOf(text).slice(0, 5);
      throw new Error("the pipe broke");
    }
    await expect(target.registry.importStore(broken())).rejects.toThrow("the pipe broke");
    expect(rowsOf(target.directory, "SELECT seq FROM event")).toEqual([]);
    expect(await importText(text)).toMatchObject({ events: JSON.parse(text).events.length });
  });

  it("needs the scope admin", async () => {
    async function* lines() {
      yield text;
    }
    await expect(target.as(["publish"]).importStore(lines())).rejects.toMatchObject({
      code: "auth.missing_scope",
    });
  });
});

describe("an import of a text that was changed is all or nothing:", () => {
  it("cut off after any line", async () => {
    const lines = linesOf(text);
    for (const count of [0, 1, 2, 5, lines.length - 3, lines.length - 2]) {
      await expectRefused(lines.slice(0, count).join("\n"), "log.malformed_export");
    }
  });

  it("cut off inside a line", async () => {
    await expectRefused(text.slice(0, Math.floor(text.length / 2)), "log.malformed_export");
    await expectRefused(text.slice(0, 20), "log.malformed_export");
  });

  it("with two lines swapped", async () => {
    await expectRefused(
      changed(([first, second, third, ...rest]) => [first!, third!, second!, ...rest]),
      "log.gap",
    );
  });

  it("with a line left out, or twice", async () => {
    await expectRefused(
      changed((entries) => entries.toSpliced(3, 1)),
      "log.gap",
    );
    await expectRefused(
      changed((entries) => entries.toSpliced(3, 0, entries[3]!)),
      "log.gap",
    );
  });

  it("with the last lines left out and the document closed again", async () => {
    await expectRefused(
      changed((entries) => entries.slice(0, -2)),
      "log.malformed_export",
    );
  });

  // Base64 that differs in one place decodes: what gives it away is what stands beside it.
  it("with any one byte of an event's cbor changed", async () => {
    const { cbor } = JSON.parse(text).events[2] as Entry;
    const size = Buffer.from(cbor, "base64").length;
    for (let at = 0; at < size; at += 7) {
      const bytes = Buffer.from(cbor, "base64");
      bytes[at]! ^= 1;
      const whole = changed((entries) => entries.with(2, { ...entries[2]!, cbor: bytes.toString("base64") }));
      await expect(importText(whole)).rejects.toMatchObject({
        code: expect.stringMatching(/^log\.(malformed_export|malformed_event|unknown_event_type|gap)$/),
      });
    }
    await expectRefused(
      changed((entries) => entries.with(2, { ...entries[2]!, cbor: "" })),
      "log.malformed_event",
    );
  });

  it("with what people read changed, added or left out", async () => {
    for (const change of [{ actor: "mallory" }, { extra: 1 }, { at: undefined }, { data: {} }, { seq: 4 }]) {
      await expectRefused(
        changed((entries) => entries.with(2, { ...entries[2]!, ...change })),
        "log.malformed_export",
      );
    }
  });

  it("with an event of an unknown type", async () => {
    await expectRefused(
      changed((entries) => entries.with(2, forged(entries[2]!, { type: "v9.new" }))),
      "log.unknown_event_type",
    );
  });

  it("with an event older than the one before it", async () => {
    await expectRefused(
      changed((entries) => entries.with(2, forged(entries[2]!, { at: "2001-01-01T00:00:00.000Z" }))),
      "log.malformed_export",
    );
  });

  it("with an event longer than any may be", async () => {
    await expectRefused(
      changed((entries) => entries.with(2, forged(entries[2]!, { actor: "x".repeat(65_536) }))),
      "log.malformed_event",
    );
  });

  it("with a time that is none", async () => {
    await expectRefused(
      changed((entries) => entries.with(2, forged(entries[2]!, { at: "yesterday" }))),
      "log.malformed_event",
    );
  });

  // Well-formed, in order, and impossible: it must be a refusal and no crash.
  it("with events that follow from nothing", async () => {
    await expectRefused(
      changed((entries) => {
        const promoted = entries.findIndex(({ type }) => type === "v1.channel.promoted");
        return entries.with(0, forged(entries[promoted]!, { seq: 1, at: entries[0]!["at"] }));
      }),
      "log.malformed_export",
    );
    await expectRefused(
      changed((entries) => {
        const made = entries.findIndex(({ type }) => type === "v1.package.created");
        return entries.with(made, forged(entries[made]!, { data: {} }));
      }),
      "log.malformed_export",
    );
  });

  it.each([
    ["of another format", (header: string) => header.replace("dist.log.v1", "dist.log.v9")],
    ["without a log", (header: string) => header.replace(/"log_id":"[^"]*",/, "")],
    ["with a log id that is none", (header: string) => header.replace("log_", "log'")],
    ["without a head", (header: string) => header.replace(/"head":\d+,/, "")],
    ["with another head", (header: string) => header.replace(/"head":\d+/, '"head":3')],
    ["that is no JSON", () => "PK\u0003\u0004"],
    ["that is empty", () => ""],
  ])("with a header %s", async (_, change) => {
    const [header, ...rest] = linesOf(text);
    await expectRefused([change(header!), ...rest].join("\n"), "log.malformed_export");
  });

  it("with something after its end", async () => {
    await expectRefused(`${text}${text}`, "log.malformed_export");
    await expectRefused(`${text}{}\n`, "log.malformed_export");
  });

  it("with lines in between that are no events", async () => {
    for (const line of ["", "null", "[]", "{}", '{"cbor":1}', "]"]) {
      const [header, ...rest] = linesOf(text);
      await expectRefused([header, line, ...rest].join("\n"), "log.malformed_export");
    }
  });

  // One endless line must not fill the memory.
  it("with a line without end", async () => {
    const [header] = linesOf(text);
    await expectRefused(`${header}\n{"cbor":"${"A".repeat(3_000_000)}`, "cli.line_too_long");
  });

  it("that is nothing, or no text", async () => {
    await expectRefused("", "log.malformed_export");
    async function* bytes() {
      yield Buffer.from([0xff, 0xfe, 0x00, 0x0a]);
    }
    await expect(target.registry.importStore(readLines(bytes()))).rejects.toMatchObject({
      code: "cli.file_unreadable",
    });
  });
});

describe("objects of an imported log", () => {
  it("that are not there are named, once each, and the log is in all the same", async () => {
    const report = await importText(text);
    const needed = rowsOf(
      source.directory,
      `SELECT sha256 FROM package_file WHERE live = 1 UNION SELECT manifest_sha256 FROM package
        WHERE manifest_sha256 IS NOT NULL UNION SELECT notes_sha256 FROM release WHERE notes_sha256 IS NOT NULL`,
    ).map(({ sha256 }) => sha256);
    expect(needed.length).toBeGreaterThan(5);
    expect(report.ok).toBe(false);
    expect(report.objects.adopted).toBe(0);
    expect(report.objects.missing.toSorted()).toEqual(needed.toSorted());
    expect(report.problems.map(({ code }) => code)).toEqual(needed.map(() => "object.missing"));
    expect(await target.registry.storeStatus()).toMatchObject({ head: report.events });
  });

  it("that are there are known again; what the log does not know stays a file", async () => {
    const artifact = rowsOf(source.directory, "SELECT sha256 FROM artifact LIMIT 1")[0]!["sha256"] as string;
    await cp(objectPath(source.directory, artifact), objectPath(target.directory, artifact));
    const stranger = "ab".repeat(32);
    await overwrite(objectPath(target.directory, stranger), "x");
    const report = await importText(text);
    expect(report.objects.adopted).toBe(1);
    expect(report.objects.missing).not.toContain(artifact);
    const row = "SELECT * FROM storage_location WHERE sha256 = ";
    expect(rowsOf(target.directory, `${row}'${artifact}'`)).toEqual(
      rowsOf(source.directory, `${row}'${artifact}'`),
    );
    expect((await target.registry.verifyStore()).collectable).toEqual([
      { id: `objects/ab/${stranger}`, kind: "file", bytes: 1 },
    ]);
  });

  it("of the wrong size are missing; of the right size but damaged are found by verify", async () => {
    await cp(join(source.directory, "objects"), join(target.directory, "objects"), { recursive: true });
    const [short, flipped] = rowsOf(
      source.directory,
      "SELECT DISTINCT sha256 FROM artifact ORDER BY 1 LIMIT 2",
    ).map(({ sha256 }) => sha256 as string);
    await overwrite(objectPath(target.directory, short!), "x");
    await flipBit(objectPath(target.directory, flipped!));
    expect((await importText(text)).objects.missing).toEqual([short]);
    const { problems } = await target.registry.verifyStore();
    expect(new Set(problems.map(({ code, target: of }) => `${code} ${of}`))).toEqual(
      new Set([`object.damaged ${flipped}`, `object.missing ${short}`]),
    );
  });
});
