import { describe, expect, it } from "vitest";

import { absentLocation } from "./conformance/blob-bytes.ts";
import { blobConformance } from "./conformance/blob-conformance.ts";
import { openMemoryBlobStore } from "./memory.ts";

blobConformance("memory", async () => ({ store: openMemoryBlobStore(), cleanup: async () => {} }));

describe("memory", () => {
  it("has no place a person could look at", () => {
    expect(openMemoryBlobStore().url(absentLocation())).toBeNull();
    expect(openMemoryBlobStore().backend).toBe("memory");
  });
});
