import { createHash } from "node:crypto";

import type { S3 } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { plainS3, rgwTools, testS3Settings } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";
import {
  bytesOf,
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  sqlOn,
  stagedNames,
  tarGzBytes,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
let s3: S3;
let at: { Bucket: string; Prefix: string };
/** The artifact of the published release. */
let artifact: string;

needs(...rgwTools)("a store with its bytes on Ceph RGW", () => {
  beforeEach(async () => {
    const settings = await testS3Settings();
    test = await openTestStore({ storage: { kind: "s3", ...settings } });
    s3 = plainS3(settings);
    at = { Bucket: settings.bucket, Prefix: settings.prefix };
    artifact = (await publishTar(test.registry, { version: "1.0", channel: "beta" })).artifacts[0]!.sha256;
  });
  afterEach(async () => {
    s3.destroy();
    await test.close();
  });

  /** Where the row says that an object stands. */
  function keyOf(sha256: string): string {
    const [row] = sqlOn(test, "SELECT physical_key FROM storage_location WHERE sha256 = ?", sha256);
    return String(row?.["physical_key"]);
  }
  const whole = (key: string) => ({ Bucket: at.Bucket, Key: at.Prefix + key });
  const overwrite = (key: string, bytes: Uint8Array) => s3.putObject({ ...whole(key), Body: bytes });
  const keysUnder = async (prefix: string) => {
    const { Contents = [] } = await s3.listObjectsV2({ Bucket: at.Bucket, Prefix: at.Prefix + prefix });
    return Contents.map(({ Key }) => Key!.slice(at.Prefix.length));
  };
  const problems = async () =>
    (await test.registry.verifyStore()).problems.map(({ code, target }) => `${code} ${target}`);
  /** Past the time in which an upload may be about to record what it put there. */
  const aDayLater = () => test.clock.advance(Date.now() - test.clock.nowMs() + DAY_MS + 60_000);

  describe("proves them", () => {
    it("and finds nothing wrong with what was published", async () => {
      const { ok, checked, collectable } = await test.registry.verifyStore();
      expect([ok, checked.objects, collectable]).toEqual([true, 2, []]);
    });

    it.each([
      ["other bytes of the same length", tarGzBytes("1.1"), "object.damaged"],
      ["fewer", tarGzBytes("1").subarray(1), "object.wrong_size"],
      ["none", new Uint8Array(), "object.wrong_size"],
      ["more", tarGzBytes("1".repeat(1000)), "object.wrong_size"],
    ])("and finds %s", async (_what, bytes, code) => {
      await overwrite(keyOf(artifact), bytes);
      expect(await problems()).toEqual([`${code} ${artifact}`]);
    });

    it("and misses what is gone, which another upload brings back in a place of its own", async () => {
      const before = keyOf(artifact);
      await s3.deleteObject(whole(before));
      expect(await problems()).toEqual([`object.missing ${artifact}`]);
      await uploadTar(test.registry, "1.0");
      expect(await problems()).toEqual([]);
      expect(keyOf(artifact)).not.toBe(before);
      expect((await bytesOf(test.registry, artifact)).equals(tarGzBytes("1.0"))).toBe(true);
    });
  });

  describe("reads them", () => {
    it.each([
      [
        "damaged",
        tarGzBytes("1.1"),
        [undefined, { start: 0 }, { start: 0, end: tarGzBytes("1.1").length - 1 }],
      ],
      ["longer", tarGzBytes("1.0 and more"), [undefined, { start: 0 }]],
    ])("and gives nobody the last of %s ones", async (_what, bytes, ranges) => {
      await overwrite(keyOf(artifact), bytes);
      const object = await test.registry.openObject(artifact);
      for (const range of ranges) {
        const given: Uint8Array[] = [];
        const reading = (async () => {
          for await (const chunk of await object.read(range)) given.push(chunk as Uint8Array);
        })();
        await expect(reading).rejects.toMatchObject({ code: "blob.damaged" });
        expect(Buffer.concat(given).length).toBeLessThan(bytes.length);
      }
    });
  });

  describe("keeps one place for the same bytes", () => {
    it("though many upload them at once", async () => {
      const uploads = Array.from({ length: 8 }, (_, index) =>
        test.as(["publish"], { name: `n${index}` }).uploadObject(sourceOf(tarGzBytes("the same"))),
      );
      const [{ sha256 } = { sha256: "" }] = await Promise.all(uploads);
      expect(await keysUnder(`objects/${sha256.slice(0, 2)}/${sha256}`)).toEqual([keyOf(sha256)]);
    });

    it("and writes nothing when they are there", async () => {
      const before = await keysUnder("objects/");
      await uploadTar(test.as(["publish"]), "1.0");
      expect(await keysUnder("objects/")).toEqual(before);
    });
  });

  describe("cleans up", () => {
    it("second copies and what was never recorded, once no upload can be about to record it", async () => {
      const loose = createHash("sha256").update("loose").digest("hex");
      const strayKeys = [
        `objects/${artifact.slice(0, 2)}/${artifact}/upl_second`,
        `objects/${loose.slice(0, 2)}/${loose}/upl_x`,
      ];
      for (const key of strayKeys) await overwrite(key, Buffer.from("loose"));
      const deleted = async () =>
        (await test.registry.cleanupStore({ apply: true })).deleted.map(({ id }) => id).toSorted();
      expect(await deleted()).toEqual([]);
      aDayLater();
      expect((await test.registry.verifyStore()).collectable.map(({ id }) => id).toSorted()).toEqual(
        strayKeys.toSorted(),
      );
      expect(await deleted()).toEqual(strayKeys.toSorted());
      expect(await problems()).toEqual([]);
      expect((await bytesOf(test.registry, artifact)).equals(tarGzBytes("1.0"))).toBe(true);
    });

    it("the parts of an upload that nobody goes on with", async () => {
      const key = "staging/upl_left/parts";
      const { UploadId } = await s3.createMultipartUpload(whole(key));
      await s3.uploadPart({ ...whole(key), UploadId, PartNumber: 1, Body: "left" });
      await overwrite("staging/upl_other/0000000000000000", Buffer.from("left too"));
      expect((await test.registry.cleanupStore({ apply: true })).deleted).toEqual([]);
      aDayLater();
      expect((await test.registry.cleanupStore({ apply: true })).deleted).toEqual([
        { id: "upl_left", kind: "staging", bytes: 4 },
        { id: "upl_other", kind: "staging", bytes: 8 },
      ]);
      expect(await stagedNames(test)).toEqual([]);
    });
  });

  it("is imported elsewhere with the bytes where they are, each once", async () => {
    await overwrite(`objects/${artifact.slice(0, 2)}/${artifact}/zzz_second`, tarGzBytes("1.0"));
    const lines = (await Array.fromAsync(test.registry.exportStore())).join("").split("\n").slice(0, -1);
    const other = await openTestStore({ storage: test.storage });
    const report = await other.registry.importStore(
      (async function* () {
        yield* lines;
      })(),
    );
    expect(report).toMatchObject({ ok: true, objects: { adopted: 2, missing: [] } });
    expect((await bytesOf(other.registry, artifact)).equals(tarGzBytes("1.0"))).toBe(true);
    await other.close();
  });

  it("tells what the object store can do, and which problem it has", async () => {
    expect(await test.registry.storeStatus()).toMatchObject({
      ok: true,
      storage: { backend: "s3", abilities: { checks_content_md5: true, ranges: true } },
    });
    const storage = { ...test.storage, bucket: "not-there" };
    const broken = await openTestStore({ storage });
    expect(await broken.registry.storeStatus()).toMatchObject({
      ok: false,
      problems: [{ code: "blob.bucket_missing", target: "storage" }],
      storage: { backend: "s3", abilities: null },
    });
    expect(await outcomeOf(broken.store.requireStorage())).toBe("blob.bucket_missing");
    expect(await outcomeOf(uploadTar(broken.registry, "x"))).toBe("blob.bucket_missing");
    expect(await outcomeOf(test.store.requireStorage())).toBe("ok");
    await broken.close();
  });

  it("starts although the object store does not answer now", async () => {
    const storage = { ...test.storage, endpoint: "http://127.0.0.1:9" };
    const waiting = await openTestStore({ storage });
    expect(await outcomeOf(waiting.store.requireStorage())).toBe("ok");
    expect((await waiting.registry.storeStatus()).problems).toMatchObject([{ code: "blob.write_failed" }]);
    await waiting.close();
  });
});
