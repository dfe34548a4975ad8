import { afterEach, beforeEach, expect, it } from "vitest";

import { openStore } from "../../src/registry/open-store.ts";
import type { StorageSettings } from "../../src/registry/storage-settings.ts";
import { Secret } from "../../src/base/secret.ts";
import { openTestStore, outcomeOf, type TestStore, uploadTar } from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

/** A bucket that nobody asks: the store is refused before. */
const elsewhere: StorageSettings = {
  kind: "s3",
  endpoint: "http://127.0.0.1:9",
  region: "us-east-1",
  bucket: "none",
  prefix: "",
  pathStyle: true,
  accessKeyId: "none",
  secretAccessKey: new Secret("none"),
  caFile: null,
  downloads: "proxy",
  spoolDirectory: null,
};
const open = async () => {
  const { directory, settings, storage, clock } = test;
  const other: StorageSettings = storage.kind === "s3" ? { kind: "directory" } : elsewhere;
  const store = await openStore({ directory, create: false, settings, clock, storage: other });
  await store.close();
};

// Catches a server that starts beside its bytes, and answers every download with 500.
it("a store with bytes is not opened with another kind of place for them", async () => {
  expect(await outcomeOf(open())).toBe("ok");
  await uploadTar(test.registry, "1");
  expect(await outcomeOf(open())).toBe("store.other_storage");
});
