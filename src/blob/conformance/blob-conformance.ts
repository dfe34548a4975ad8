import { afterEach, beforeEach } from "vitest";

import type { BlobStore } from "../blob-store.ts";
import { absentLocation, keyByDigest, SOME_DIGEST } from "./blob-bytes.ts";
import { keepingConformance } from "./keeping.ts";
import { nameConformance } from "./names.ts";
import type { Promises, Suite } from "./suite.ts";
import { writingConformance } from "./writing.ts";

/** Makes an empty store, and what takes it away again. */
export type OpenForTest = () => Promise<{ readonly store: BlobStore; readonly cleanup: () => Promise<void> }>;

/** What every adapter of the port promises, as vitest suites. */
export function blobConformance(
  name: string,
  open: OpenForTest,
  { keyOf }: Promises = { keyOf: keyByDigest },
): void {
  let store: BlobStore;
  let cleanup: () => Promise<void>;

  beforeEach(async () => ({ store, cleanup } = await open()));
  afterEach(() => cleanup());

  const suite: Suite = {
    name,
    keyOf,
    get store() {
      return store;
    },
    isByDigest: keyOf(SOME_DIGEST, "upl_1") === keyOf(SOME_DIGEST, "upl_2"),
    absent: absentLocation(keyOf),
  };
  writingConformance(suite);
  keepingConformance(suite);
  nameConformance(suite);
}
