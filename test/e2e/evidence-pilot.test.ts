import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";

import { connect } from "../../src/client/connect.ts";
import type { RetentionRecord } from "../../src/registry/records/packages.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { s3Variables } from "../support/object-store.ts";
import { writePilotRun } from "../support/pilot-run.ts";
import { killPrograms, runDist } from "../support/programs.ts";
import { databaseUrlFor } from "../support/test-database.ts";
import { serveTestStore } from "../support/test-server.ts";
import { eventsOf, openTestStore, sqlOn, type TestStore } from "../support/test-store.ts";

const DAY_MS = 24 * 3600 * 1000;
const YEAR_MS = 366 * DAY_MS;

/** Where the pilot takes place: how the program names it, and how the rest is asked for. */
interface Place {
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly registry: Registry;
  close(): Promise<void>;
}

let test: TestStore;
let run: string;
beforeEach(async () => {
  test = await openTestStore();
  run = join(await mkdtemp(join(tmpdir(), "dist-pilot-")), "run");
  await writePilotRun(run);
});
afterEach(async () => {
  await test.close();
  await rm(join(run, ".."), { recursive: true });
});
afterAll(killPrograms);

/** The store's own directory. The program has the machine's clock, so the test's goes along with it. */
async function locally(): Promise<Place> {
  catchUp();
  return {
    options: ["--local-store", test.directory],
    env: {
      DIST_DATABASE_URL: databaseUrlFor(test.directory),
      ...(test.storage.kind === "s3" && s3Variables(test.storage)),
    },
    registry: test.registry,
    close: async () => {},
  };
}

/** A server on the store, in this process because its clock is moved. */
async function overHttp(): Promise<Place> {
  const server = await serveTestStore(test);
  const { secret } = await test.registry.createToken({
    name: "guide-board",
    scopes: ["package.write", "retention", "audit"],
  });
  const registry = connect({ server: server.url, token: secret });
  return {
    options: ["--server", server.url],
    env: { DIST_TOKEN: secret },
    registry,
    close: async () => {
      await registry.close();
      await server.close();
    },
  };
}

function catchUp(): void {
  test.clock.advance(Date.now() - test.clock.nowMs());
}

describe.each([
  ["in a store's directory", locally],
  ["over HTTP", overHttp],
])("the pilot %s", (_, open) => {
  it("is ingested once, kept as long as it must be, and let go with every reason on record", async () => {
    const place = await open();
    try {
      await pilot(place);
    } finally {
      await place.close();
    }
  });
});

async function pilot({ options, env, registry }: Place): Promise<void> {
  const command = ["ingest", "guide-board", run, "--retention-class", "release-evidence", ...options];
  const first = await runDist(command, env);
  expect([first.exit, first.stderr]).toEqual([0, ""]);
  const { package: record, manifest, summary } = first.json;
  expect(first.json.status).toBe("created");
  expect(record).toMatchObject({ status: "finalized", retention_class: "release-evidence" });
  expect(summary).toMatchObject({
    package_id: record.id,
    manifest_sha256: manifest.sha256,
    run_id: "gb-2026-11-20-0741",
  });
  const again = await runDist(
    ["package", "ingest", run, "--profile", "guide-board", ...command.slice(3)],
    env,
  );
  expect([again.exit, again.json]).toEqual([0, { ...first.json, status: "unchanged" }]);
  if (options.includes("--local-store")) catchUp();

  await expectWhole(registry, record.id, manifest.sha256);
  const objects = await storedObjects();

  const classEnd = (await registry.getRetention(record.id)).current_expires_at!;
  const inSevenYears = new Date(record.created_at);
  inSevenYears.setUTCFullYear(inSevenYears.getUTCFullYear() + 7);
  expect(classEnd).toBe(inSevenYears.toISOString());
  const extendedTo = new Date(Date.parse(classEnd) + YEAR_MS).toISOString();
  await registry.extendRetention(record.id, { new_expires_at: extendedTo, reason: "contract, §9" });
  const hold = await registry.holdPackage(record.id, { reason: "dispute of F-1", case: "NL-2231" });

  test.clock.advance(9 * YEAR_MS);
  expect(await registry.getRetention(record.id)).toMatchObject({
    current_expires_at: extendedTo,
    eligible_for_deletion: false,
    holds: [{ id: hold.id, case: "NL-2231" }],
    extensions: [{ new_expires_at: extendedTo, reason: "contract, §9" }],
  });
  expect((await registry.sweepRetention()).marked).toEqual([]);

  await registry.releaseHold(record.id, hold.id, { reason: "settled" });
  const released = await registry.getRetention(record.id);
  expect(released).toMatchObject({ eligible_for_deletion: true, marked_at: null, holds: [] });
  expect((await registry.sweepRetention()).marked).toEqual([record.id]);
  expect((await registry.sweepRetention()).marked).toEqual([]);

  const swept: RetentionRecord = await registry.getRetention(record.id);
  expect(swept.marked_at).not.toBeNull();
  expect(swept.reasons.length).toBeGreaterThan(0);
  const history = await registry.retentionHistory(record.id);
  const types = [
    "v1.retention.default_applied",
    "v1.retention.extended",
    "v1.retention.hold_applied",
    "v1.retention.hold_released",
    "v1.retention.deletion_eligible",
  ];
  expect(history.items.map(({ type }) => type)).toEqual(types);
  const logged = (await eventsOf(registry, { target: record.id })).map(({ action }) => `v1.${action}`);
  expect(logged.filter((type) => type.startsWith("v1.retention."))).toEqual(types);
  expect(logged.slice(0, 2)).toEqual(["v1.package.created", "v1.retention.default_applied"]);

  expect(await storedObjects()).toEqual(objects);
  await expectWhole(registry, record.id, manifest.sha256);
}

/** The manifest lists every file of the run with both digests and its size, and each comes back byte for byte. */
async function expectWhole(registry: Registry, id: string, manifestSha256: string): Promise<void> {
  const manifest = await registry.packageManifest(id);
  expect(createHash("sha256").update(manifest).digest("hex")).toBe(manifestSha256);
  const { decodeCanonical } = await import("../../src/base/cbor.ts");
  const { files } = decodeCanonical(manifest) as unknown as { files: ManifestFile[] };
  const entries = await readdir(run, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(run.length + 1))
    .toSorted();
  expect(files.map(({ path }) => path)).toEqual(paths);
  for (const { path, size, digests } of files) {
    const bytes = await readFile(join(run, path));
    expect(size).toBe(bytes.length);
    expect(Buffer.from(digests.sha256)).toEqual(createHash("sha256").update(bytes).digest());
    expect(digests.blake3.length).toBe(32);
    const opened = await registry.openPackageFile(id, path);
    expect(Buffer.concat(await Array.fromAsync(await opened.read()))).toEqual(bytes);
  }
  expect((await registry.verifyPackage(id)).ok).toBe(true);
}

interface ManifestFile {
  readonly path: string;
  readonly size: number;
  readonly digests: { readonly sha256: Uint8Array; readonly blake3: Uint8Array };
}

/** Every object that the log says is here, and that none went. */
async function storedObjects(): Promise<string[]> {
  expect(await eventsOf(test.registry, { action: "object.deleted" })).toEqual([]);
  return sqlOn(test, "SELECT sha256 FROM storage_location ORDER BY sha256").map(({ sha256 }) =>
    String(sha256),
  );
}
