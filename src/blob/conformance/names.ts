import { createHash } from "node:crypto";

import { describe, expect, it } from "vitest";

import { chunks } from "./blob-bytes.ts";
import type { Suite } from "./suite.ts";

/** Keys and ids that somebody made up. */
export function nameConformance(suite: Suite): void {
  describe(`${suite.name}: names made by an attacker`, () => {
    const sha256 = createHash("sha256").update("attacker").digest("hex");
    const folder = sha256.slice(0, 2);

    it.each([
      ["a way out", { sha256, key: `objects/../../${sha256}` }],
      ["a way into staging", { sha256, key: "staging/upl_1" }],
      ["the database", { sha256, key: "dist.db" }],
      ["an absolute path", { sha256, key: "/etc/passwd" }],
      ["another object's key", { sha256, key: suite.absent.key }],
      ["a wrong folder", { sha256, key: `objects/${folder === "00" ? "01" : "00"}/${sha256}` }],
      ["capital letters", { sha256: sha256.toUpperCase(), key: `objects/${folder}/${sha256.toUpperCase()}` }],
      ["a line end", { sha256: `${sha256}\n`, key: `objects/${folder}/${sha256}\n` }],
      [
        "a digest that is a path",
        { sha256: "../../../../etc/passwd", key: "objects/../../../../../etc/passwd" },
      ],
      ["nothing", { sha256: "", key: "" }],
    ])("refuses a key that is %s", async (_what, location) => {
      const staged = { uploadId: "upl_1", sha256: location.sha256, blake3: "", sizeBytes: 0 };
      const refusal = { code: "blob.invalid_key" };
      await expect(suite.store.size(location)).rejects.toMatchObject(refusal);
      await expect(suite.store.read(location)).rejects.toMatchObject(refusal);
      await expect(suite.store.openRandom(location)).rejects.toMatchObject(refusal);
      await expect(suite.store.remove(location)).rejects.toMatchObject(refusal);
      await expect(suite.store.lock(location, { sizeBytes: 0, untilMs: 0 })).rejects.toMatchObject(refusal);
      await expect(suite.store.lockedUntil(location)).rejects.toMatchObject(refusal);
      await expect(suite.store.ensure(staged, location)).rejects.toMatchObject(refusal);
      expect(() => suite.store.url(location)).toThrow(expect.objectContaining(refusal));
    });

    it("refuses to commit under what is no digest", async () => {
      const staged = await suite.store.stage("upl_1", chunks());
      await expect(suite.store.commit({ ...staged, sha256: "../x" })).rejects.toMatchObject({
        code: "blob.invalid_key",
      });
    });

    it.each(["", ".", "..", "../dist.db", "a/b", "a\\b", "a.b", "upl\0", "upl\n", "ü", "a".repeat(65)])(
      "refuses the upload id %j, without reading the source",
      async (uploadId) => {
        const refusal = { code: "blob.invalid_upload_id" };
        let asked = false;
        async function* source(): AsyncGenerator<Uint8Array> {
          asked = true;
          yield Buffer.alloc(1);
        }
        await expect(suite.store.stage(uploadId, source())).rejects.toMatchObject(refusal);
        await expect(suite.store.begin(uploadId)).rejects.toMatchObject(refusal);
        await expect(suite.store.readStaged(uploadId, 0)).rejects.toMatchObject(refusal);
        expect(asked).toBe(false);
        await expect(suite.store.discard(uploadId)).rejects.toMatchObject(refusal);
        const staged = { uploadId, sha256: suite.absent.sha256, blake3: "", sizeBytes: 0 };
        await expect(suite.store.commit(staged)).rejects.toMatchObject(refusal);
        await expect(suite.store.ensure(staged, suite.absent)).rejects.toMatchObject(refusal);
      },
    );
  });
}
