import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { beforeAll, describe, expect, it } from "vitest";

import { compile, type CompiledText, type Query } from "../query.ts";
import { migrations } from "../schema/migrations.ts";
import { createIndexes, createView, viewNames } from "../schema/views.ts";
import { type AuditQuery, auditPage } from "./audit.ts";
import { type PackageQuery, packagePage } from "./packages.ts";
import {
  artifactsOfDigest,
  filesOfDigest,
  packagesOfHold,
  packagesOfManifest,
  packagesOfRun,
  packagesOfSubject,
  releasesBeginning,
  releasesOfBuild,
  releasesOfVersion,
  tokensNamed,
} from "./search.ts";

/**
 * How SQLite would run the queries, as it plans without statistics: in a small store nobody notices a query that goes through a whole
 * table, or through every row of an index that most rows share a value of.
 */

/** Those that go through a table, and why they may. */
const mayScan: Readonly<Record<string, string>> = {
  sumDownloads: "once, when the sums are made anew",
  lastEvent: "one row from the end",
  referenceCount: "store verify looks at everything",
  missingObjects: "store verify looks at everything",
  storeCounts: "store status counts",
  allJobs: "some ten",
  allNodes: "as many as there are servers",
  dropUnseenNodes: "as many as there are servers",
  olderNodes: "as many as there are servers",
  leasesAfter: "a move takes every row, page by page",
  usedBackend: "one row",
  aheadInChannel: "as many as the subquery is limited to",
  aheadNeverCurrent: "as many as the subquery is limited to",
  appsTouchedAfter: "thousands of apps, once a sweep",
  anyAdministrator: "once, at the first start",
  objectUsage: "the overview counts what is stored",
  usageByApp: "sums: a row for each app, class and month",
  usageByClass: "sums: a row for each app, class and month",
  usageByMonth: "sums: a row for each app, class and month",
};

let database: DatabaseSync;
beforeAll(() => {
  database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE schema_version (version INTEGER, view_generation INTEGER)");
  for (const view of viewNames) {
    database.exec(createView(view, "sqlite"));
    for (const index of createIndexes(view)) database.exec(index);
  }
  for (const { statements } of migrations) for (const statement of statements) database.exec(statement);
});

function planOf({ sql }: CompiledText): string[] {
  return database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map(({ detail }) => String(detail));
}

/** Steps that read more the larger the store is: a table from end to end, or all evidence by the app that it has not. */
const isScan = (step: string) => /^SCAN (?!CONSTANT)/.test(step) || step.endsWith("package_app (app_id=?)");

const isQuery = (value: unknown): value is Query<unknown, unknown> =>
  typeof value === "object" && value !== null && "compiled" in value;

describe("no query that is declared goes through a table that grows", async () => {
  const files = readdirSync(import.meta.dirname).filter((name) => !name.endsWith(".test.ts"));
  const modules = await Promise.all(
    files.map(async (name) => (await import(`./${basename(name, ".ts")}.ts`)) as Record<string, unknown>),
  );
  const queries = modules.flatMap((exported) =>
    Object.entries(exported).flatMap(([name, one]) => (isQuery(one) ? [[name, one] as const] : [])),
  );

  it.each(queries)("%s", (name, one) => {
    const scans = planOf(one.compiled("sqlite")).filter(isScan);
    // What is on the list and does not scan any more is to leave it.
    expect(scans.length > 0, scans.join("; ")).toBe(name in mayScan);
  });

  it("and there are queries", () => expect(queries.length).toBeGreaterThan(100));
});

describe("a search finds by an index", () => {
  const scope = { appId: null, limit: 21 };
  it.each([
    ["artifactsOfDigest", artifactsOfDigest("0a", scope)],
    ["releasesOfVersion", releasesOfVersion("1", scope)],
    ["releasesBeginning", releasesBeginning("1", scope)],
    ["releasesOfBuild", releasesOfBuild("1", scope)],
    ["packagesOfSubject", packagesOfSubject("a", 21)],
    ["packagesOfRun", packagesOfRun("a", 21)],
    ["packagesOfManifest", packagesOfManifest("0a", 21)],
    ["packagesOfHold", packagesOfHold("hold_1", 21)],
    ["filesOfDigest", filesOfDigest("0a", 21)],
    ["tokensNamed", tokensNamed("a", { app: null, limit: 21 })],
  ] as const)("%s", (_, build) => {
    expect(planOf(compile("sqlite", build)).filter(isScan)).toEqual([]);
  });
});

describe("a page of packages is read through the index of what they rarely have", () => {
  const page = { limit: 51, after: null };
  it.each<[Partial<PackageQuery>, string]>([
    [{ of: "evidence", status: "failed" }, "package_status"],
    [{ of: "evidence", kind: "run", status: "failed" }, "package_status"],
    [{ of: "evidence", kind: "run", status: "finalized" }, "package_kind"],
    [{ of: "evidence", producer: "p", kind: "run" }, "package_producer"],
    [{ of: "evidence", subject: "s", producer: "p" }, "package_subject"],
    [{ of: "evidence", retentionClass: "c" }, "package_class"],
    [{ of: "evidence", metadata: [["k", "v"]], status: "failed" }, "package_metadata_value"],
    [{ of: "evidence", dueBy: "2027" }, "retention_due"],
    [{ of: "all", dueBy: "2027", status: "finalized" }, "retention_due"],
    [{ of: { appId: "app_1" }, status: "finalized", retentionClass: "c" }, "package_app"],
    [{ of: "all", since: "2026" }, "package_created"],
  ])("%j by %s", (filter, index) => {
    const steps = planOf(compile("sqlite", packagePage(page, { metadata: [], of: "all", ...filter })));
    expect(steps[0]).toContain(`INDEX ${index} `);
    expect(steps.join()).not.toContain("TEMP B-TREE");
  });
});

describe("a page of the audit log is read in its order, from where it begins", () => {
  it.each<[Partial<AuditQuery>, RegExp]>([
    [{}, /^SCAN event$/],
    [{ since: "2026", until: "2027" }, /USING INTEGER PRIMARY KEY \(rowid>\? AND rowid<\?\)/],
    [{ since: "2026", type: "t" }, /event_type \(type=\? AND seq>\?\)/],
    [{ appId: "a", until: "2027" }, /event_app \(app_id=\? AND seq<\?\)/],
    [{ subject: "s", type: "t" }, /event_subject \(subject=\?\)/],
    [{ subject: "s", appId: "a", afterSeq: 7 }, /event_subject \(subject=\? AND seq<\?\)/],
    [{ actor: "a" }, /event_actor \(actor=\?\)/],
  ])("%j", (filter, step) => {
    const steps = planOf(
      compile("sqlite", auditPage({ order: "desc", afterSeq: null, limit: 51, ...filter })),
    );
    expect(steps[0]).toMatch(step);
    expect(steps.join()).not.toContain("TEMP B-TREE");
  });
});
