import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { connect } from "../../src/client/connect.ts";
import { lockingS3Settings, plainS3, rgwTools, s3Variables } from "../support/object-store.ts";
import { killPrograms } from "../support/programs.ts";
import { needs } from "../support/required-tools.ts";
import { databaseUrlFor } from "../support/test-database.ts";
import { sourceOf } from "../support/test-store.ts";
import { eventually, run } from "./distd-program.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-locks-"));
});
afterEach(async () => {
  await killPrograms();
  await rm(directory, { recursive: true, force: true });
});

needs(...rgwTools)("a distd whose bucket has object lock", () => {
  it("locks what is held by itself, and renews it, also after it was killed", async () => {
    const bucket = await lockingS3Settings();
    const env = {
      ...s3Variables(bucket),
      DIST_DATABASE_URL: databaseUrlFor(directory),
      DIST_STORAGE_OBJECT_LOCK: "true",
      DIST_STORAGE_OBJECT_LOCK_AHEAD: "20s",
      DIST_RETENTION_CLASSES_TRANSIENT: "1s",
    };
    const start = () => run(["--local-store", directory, "--port", "0"], env);
    const first = start();
    const server = await first.url;
    const token = await eventually(() => first.secret() ?? Promise.reject(new Error("No token yet.")));
    const registry = connect({ server, token });
    const { id } = await registry.createPackage({ kind: "run", retention_class: "transient" });
    const { sha256 } = await registry.uploadObject(sourceOf(Buffer.from("held")));
    await registry.addPackageFiles(id, [{ path: "file", sha256 }]);
    await registry.finalizePackage(id);
    await registry.holdPackage(id, { reason: "dispute" });
    const lockedUntil = async (from: typeof registry, after = "") =>
      eventually(async () => {
        const { lock, locked_until } = await from.getRetention(id);
        expect([lock, locked_until! > after]).toEqual(["applied", true]);
        return locked_until!;
      });
    const before = await lockedUntil(registry);
    await registry.close();
    // Killed within a run, it would hold the job's lease for a minute.
    await eventually(() => {
      const log = first.log();
      const locked = log.findIndex(({ msg }) => msg === "objects locked");
      const later = locked < 0 ? [] : log.slice(locked);
      expect(later).toContainEqual(expect.objectContaining({ msg: "job ended", job: "mirror-locks" }));
    });
    first.child.kill("SIGKILL");
    await first.code;
    const again = connect({ server: await start().url, token });
    expect((await lockedUntil(again, before)) > before).toBe(true);
    const s3 = plainS3(bucket);
    const { Versions = [] } = await s3.listObjectVersions({ Bucket: bucket.bucket });
    expect(Versions).toHaveLength(2);
    for (const { Key, VersionId } of Versions)
      await expect(s3.deleteObject({ Bucket: bucket.bucket, Key, VersionId })).rejects.toThrow(
        /lock|denied/i,
      );
    s3.destroy();
    await again.close();
  });
});
