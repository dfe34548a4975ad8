/** Stores as a log of their size would leave them: rows written into the tables, without the bytes behind them. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { toTimestamp } from "../src/base/clock.ts";
import { prepareStore } from "./stores.ts";

export interface Size {
  readonly apps: number;
  readonly releases: number;
  readonly events: number;
  readonly packages: number;
}

/** What the console has to stay quick with. */
export const MANY: Size = { apps: 2_000, releases: 100_000, events: 1_000_000, packages: 1_000_000 };
/** A hundredth of it. */
export const FEW: Size = { apps: 20, releases: 1_000, events: 10_000, packages: 10_000 };
const DAY_MS = 24 * 3600 * 1000;
const DAYS = 365;
const channels = ["nightly", "beta", "stable"];

/** Makes such a store in a directory. */
export async function makeStoreOfSize(directory: string, size: Size): Promise<void> {
  await prepareStore(directory, async () => {});
  const database = new DatabaseSync(join(directory, "dist.db"));
  database.exec("PRAGMA synchronous = OFF; BEGIN");
  fill(database, size);
  database.exec("COMMIT");
  database.close();
}

/** An id that is one: decimal digits are among those of a TypeID. */
const idOf = (kind: "rel" | "pkg", n: number) => `${kind}_${String(n).padStart(26, "0")}`;

function fill(database: DatabaseSync, { apps, releases, events, packages }: Size): void {
  const startMs = Date.now() - DAYS * DAY_MS;
  /** The moment of the `n`th of so many that came evenly over the year. */
  const at = (n: number, of: number) => toTimestamp(startMs + Math.floor((n / of) * DAYS * DAY_MS));
  const insert = (table: string, columns: number) =>
    database.prepare(`INSERT INTO ${table} VALUES (${Array(columns).fill("?").join()})`);
  const event = insert("event", 9);
  const nothing = new Uint8Array();
  for (let n = 1; n <= events; n += 1) {
    event.run(n, "v1.token.used", at(n - 1, events), "system", "x", null, "{}", nothing, nothing);
  }
  database.prepare("UPDATE log_head SET head = ?, last_at = ?").run(events, at(events - 1, events));

  const [app, channel, move] = [insert("app", 16), insert("channel", 12), insert("channel_move", 11)];
  const [release, artifact] = [insert("release", 16), insert("artifact", 20)];
  const seen = insert("channel_release", 6);
  const [count, sum] = [insert("download_day", 6), insert("download_app_day", 3)];
  const perApp = releases / apps;
  const metadata = JSON.stringify({
    inspection: { permissions: Array(60).fill("android.permission.CAMERA") },
  });
  const time = at(0, 1);
  let seq = 0;
  for (let a = 0; a < apps; a += 1) {
    const id = `app_${a}`;
    app.run(
      id,
      `app-${a}`,
      id,
      null,
      "unlisted",
      "[]",
      "{}",
      "{}",
      "manual",
      "artifact_only",
      null,
      0,
      null,
      time,
      time,
      1,
    );
    for (let r = 0; r < perApp; r += 1) {
      const published = at(r * apps + a, releases);
      const name = channels[r % channels.length]!;
      const releaseId = idOf("rel", a * perApp + r);
      release.run(
        releaseId,
        id,
        idOf("pkg", packages + a * perApp + r),
        `1.${r}`,
        "",
        "published",
        name,
        null,
        null,
        "x",
        published,
        published,
        published,
        null,
        null,
        1,
      );
      for (const platform of ["android_apk", "linux", "windows"]) {
        const warns = (a + r) % 50 === 0 ? 1 : 0;
        const end = r % 2 === 0 ? toTimestamp(Date.now() + a * DAY_MS) : null;
        artifact.run(
          `${releaseId}${platform}`,
          id,
          releaseId,
          platform,
          "universal",
          "zip",
          "f",
          "t",
          "p",
          1,
          "s",
          "b",
          "s",
          metadata,
          "passed",
          "[]",
          null,
          null,
          warns,
          end,
        );
      }
    }
    for (const [index, name] of channels.entries()) {
      const current = idOf("rel", a * perApp + perApp - channels.length + index);
      seq += 1;
      const guard = name === "stable" ? ["manual", "beta"] : ["auto", null];
      channel.run(
        id,
        name,
        current,
        seq,
        guard[0]!,
        0,
        guard[1]!,
        0,
        a % 20 === 0 ? 50 : 100,
        null,
        time,
        time,
      );
      move.run(seq, id, name, "promoted", current, null, null, 100, "x", null, time);
      seen.run(id, name, current, seq, time, 0);
    }
    // One app in four is fetched daily, by each channel, on three platforms.
    if (a % 4 !== 3) continue;
    for (let day = 0; day < DAYS; day += 1) {
      const date = toTimestamp(startMs + (day + 1) * DAY_MS).slice(0, 10);
      sum.run(date, id, (day + 1) * 9);
      for (const name of channels)
        for (const platform of ["android_apk", "linux", "windows"]) {
          count.run(
            date,
            id,
            name,
            idOf("rel", a * perApp + Math.floor((day / DAYS) * perApp)),
            platform,
            day + 1,
          );
        }
    }
  }
  fillPackages(database, { packages, apps, at });
}

function fillPackages(
  database: DatabaseSync,
  { packages, apps, at }: { packages: number; apps: number; at: (n: number, of: number) => string },
): void {
  const location = database.prepare(
    "INSERT INTO storage_location VALUES (?, 'b', ?, 'directory', 'k', 'hot', 'present', 1, NULL, NULL)",
  );
  for (let n = 0; n < packages; n += 1) location.run(n.toString(16).padStart(64, "0"), n % 100_000);
  const insert = (table: string, columns: number) =>
    database.prepare(`INSERT INTO ${table} VALUES (${Array(columns).fill("?").join()})`);
  const [one, file, kept] = [insert("package", 20), insert("package_file", 8), insert("retention_state", 8)];
  const words = insert("package_metadata", 4);
  const never = toTimestamp(Date.now() + DAYS * DAY_MS);
  for (let n = 0; n < packages; n += 1) {
    const id = idOf("pkg", n);
    const created = at(n, packages);
    const digest = n.toString(16).padStart(64, "0");
    const name = n % 3 === 0 ? "transient" : "raw-evidence";
    // One in a hundred may go: many to sweep up, as in a store that nobody cleans.
    const due = n % 100 === 0 ? created : null;
    one.run(
      id,
      null,
      "run",
      "finalized",
      "guide-board",
      `app-${n % 500}`,
      `{"run":"${n}"}`,
      name,
      "hot",
      digest,
      400,
      2,
      2_000,
      1,
      null,
      created,
      created,
      null,
      null,
      null,
    );
    words.run(id, "run", String(n), created);
    for (const path of ["report.json", "log.txt"]) {
      file.run(id, path, path, digest, digest, 1_000, "text/plain", 1);
    }
    kept.run(id, null, name, due ?? never, due ?? never, 0, due, due);
  }
  const usage = database.prepare("INSERT INTO package_usage VALUES (?, ?, ?, 40, 40000, 1, 1000, 2, 2000)");
  const months = new Set(Array.from({ length: 13 }, (_, n) => at(n, 13).slice(0, 7)));
  for (const month of months) {
    for (const name of ["transient", "raw-evidence", "summary-evidence"]) usage.run("", name, month);
    for (let a = 0; a < apps; a += 1) usage.run(`app_${a}`, a % 2 === 0 ? "" : "release-evidence", month);
  }
}
