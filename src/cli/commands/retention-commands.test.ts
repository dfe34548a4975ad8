import { describe, expect, it } from "vitest";

import type { RetentionRecord } from "../../registry/records/packages.ts";
import type { Registry } from "../../registry/registry.ts";
import { holdRecord, retentionRecord } from "../testing/records.ts";
import { runCli } from "../testing/run-cli.ts";

const id = "pkg_1";

describe("retention show", () => {
  const text = async (record: Partial<RetentionRecord>) => {
    const getRetention = async () => ({ ...retentionRecord, ...record });
    return (await runCli(["retention", "show", id], { registry: { getRetention } })).stdout;
  };
  const reason = (rule: string, until: string | null, why = "") => ({ rule, until, ref: null, text: why });

  it("prints the state as JSON", async () => {
    const getRetention = async () => retentionRecord;
    expect((await runCli(["retention", "show", id, "--json"], { registry: { getRetention } })).json).toEqual(
      retentionRecord,
    );
  });

  it("says in one sentence until when, by what ends last", async () => {
    const ends = [
      reason("class", "2027-01-01T00:00:00.000Z"),
      reason("extension", "2029-01-01T00:00:00.000Z"),
    ];
    expect(await text({ reasons: ends })).toMatch(/^pkg_1 is kept until 2029-01-01T00:00:00\.000Z\.\n/);
    const held = [...ends, reason("hold", null, "A hold keeps it: dispute")];
    expect(await text({ reasons: held, holds: [holdRecord] })).toMatch(
      /^pkg_1 is kept until its hold is released, at least until 2029-01-01T00:00:00\.000Z\.\n[^]*A hold keeps it: dispute[^]*\nHolds\nHOLD/,
    );
    expect(await text({ reasons: [reason("hold", null)], holds: [holdRecord, holdRecord] })).toMatch(
      /^pkg_1 is kept until its 2 holds are released\.\n/,
    );
    const current = [...ends, reason("channel.current", null)];
    expect(await text({ reasons: current })).toMatch(
      /^pkg_1 is kept, at least until 2029-01-01T00:00:00\.000Z\.\n/,
    );
    expect(await text({ reasons: [reason("class", null)] })).toMatch(/^pkg_1 is kept; no date ends that\.\n/);
  });

  it("says what the object store does for it, where it does anything", async () => {
    const date = "2027-01-01T00:00:00.000Z";
    expect(await text({})).not.toContain("object store");
    expect(await text({ lock: "applied", locked_until: date })).toContain(
      `\nThe object store refuses to delete its bytes before ${date}.\n`,
    );
    expect(await text({ lock: "pending" })).toContain("\nThe object store is yet to lock its bytes.\n");
    expect(await text({ lock: "pending", locked_until: date })).toContain(
      `\nThe object store is yet to lock its bytes beyond ${date}.\n`,
    );
  });

  it("says that nothing keeps it, and whether a sweep has recorded that", async () => {
    const gone = {
      eligible_for_deletion: true,
      reasons: [reason("period.ended", null, "Its period ended.")],
    };
    expect(await text(gone)).toContain(
      "Nothing keeps pkg_1: dist store cleanup --apply deletes it (no sweep has recorded it yet).",
    );
    expect(await text({ ...gone, marked_at: "2027-06-01T00:00:00.000Z" })).toContain(
      "(recorded at 2027-06-01T00:00:00.000Z)",
    );
  });
});

describe("retention extend, hold, release", () => {
  // Contract: an extension or hold without a reason is `retention.reason_required`, which is the registry's to say.
  it.each<[argv: string[], method: keyof Registry, asked: unknown[]]>([
    [
      ["extend", id, "--until", "2030-01-01T00:00:00Z", "--reason", "audit"],
      "extendRetention",
      [id, { new_expires_at: "2030-01-01T00:00:00Z", reason: "audit" }],
    ],
    [["extend", id, "--until", "soon"], "extendRetention", [id, { new_expires_at: "soon", reason: "" }]],
    [["hold", id, "--reason", "dispute"], "holdPackage", [id, { reason: "dispute" }]],
    [
      ["hold", id, "--reason", "dispute", "--case", "7"],
      "holdPackage",
      [id, { reason: "dispute", case: "7" }],
    ],
    [["hold", id], "holdPackage", [id, { reason: "" }]],
    [["release", id, "hold_1", "--reason", "over"], "releaseHold", [id, "hold_1", { reason: "over" }]],
    [["release", id, "hold_1"], "releaseHold", [id, "hold_1", { reason: "" }]],
  ])("%j", async (argv, method, expected) => {
    const answer = method === "extendRetention" ? retentionRecord : holdRecord;
    let asked: unknown[] = [];
    const registry = { [method]: async (...given: unknown[]) => ((asked = given), answer) };
    const run = await runCli(["retention", ...argv, "--json"], { registry });
    expect(run).toMatchObject({ code: 0, json: answer });
    expect(asked).toEqual(expected);
  });

  it("usage.missing_option: an extension needs a time", async () => {
    const run = await runCli(["retention", "extend", id, "--reason", "audit", "--json"]);
    expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.missing_option" } } });
  });

  it("show a hold with who released it and why", async () => {
    const released = {
      ...holdRecord,
      case: "2026-117",
      released_at: "2027-01-01T00:00:00.000Z",
      released_by: "local:bob",
      release_reason: "settled",
    };
    const releaseHold = async () => released;
    const { stdout } = await runCli(["retention", "release", id, "hold_1", "--reason", "settled"], {
      registry: { releaseHold },
    });
    expect(stdout).toMatch(/^Case +2026-117$/m);
    expect(stdout).toMatch(/^Released +2027-01-01T00:00:00\.000Z by local:bob$/m);
    expect(stdout).toMatch(/^Released because +settled$/m);
    const holdPackage = async () => holdRecord;
    const held = await runCli(["retention", "hold", id, "--reason", "dispute"], {
      registry: { holdPackage },
    });
    expect(held.stdout).not.toContain("Released");
  });
});

describe("retention classes, history, sweep", () => {
  it("classes: say how long, and which is the default", async () => {
    const page = {
      items: [
        { name: "raw-evidence", default_duration: "180d", is_default: true },
        { name: "permanent-record", default_duration: null, is_default: false },
      ],
      next: null,
    };
    const registry = { retentionClasses: async () => page };
    expect((await runCli(["retention", "classes", "--json"], { registry })).json).toEqual(page);
    const { stdout } = await runCli(["retention", "classes"], { registry });
    expect(stdout).toMatch(/^raw-evidence +180d +yes$/m);
    expect(stdout).toMatch(/^permanent-record +ever +no$/m);
  });

  it("history: passes on the page, and shows what an event says", async () => {
    const event = {
      seq: 7,
      type: "v1.retention.extended",
      at: "2026-11-20T15:00:00.000Z",
      actor: "local:ann",
      subject: id,
      data: {
        app_id: null,
        package_id: id,
        new_expires_at: "2030-01-01T00:00:00.000Z",
        reason: "audit\x1b[2J",
        rules: ["class"],
      },
    };
    const asked: unknown[] = [];
    const retentionHistory: Registry["retentionHistory"] = async (...request) => {
      asked.push(request);
      return { items: [event], next: null };
    };
    const registry = { retentionHistory };
    const argv = ["retention", "history", id, "--limit", "3", "--after", "c"];
    expect((await runCli([...argv, "--json"], { registry })).json).toEqual({ items: [event], next: null });
    expect(asked).toEqual([[id, { limit: 3, after: "c" }]]);
    const { stdout } = await runCli(argv, { registry });
    expect(stdout).toContain(
      'extended  local:ann  new_expires_at=2030-01-01T00:00:00.000Z reason=audit\\x1b[2J rules=["class"]',
    );
  });

  it("sweep: says what changed, and that nothing was deleted", async () => {
    const report = {
      ok: true as const,
      at: "2027-06-01T00:00:00.000Z",
      marked: ["pkg_1"],
      unmarked: ["pkg_2"],
    };
    const registry = { sweepRetention: async () => report };
    expect((await runCli(["retention", "sweep", "--json"], { registry })).json).toEqual(report);
    const { stdout } = await runCli(["retention", "sweep"], { registry });
    expect(stdout).toContain("1 package may go that had to stay before, 1 package must stay again.");
    expect(stdout).toContain("  pkg_1  may go\n  pkg_2  stays\nNothing was deleted");
  });
});
