import { rgwTools, testS3Settings } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";
import { blobConformance } from "../../src/blob/blob-conformance.ts";
import { openS3BlobStore } from "../../src/blob/s3/s3.ts";

needs(...rgwTools)("bytes on Ceph RGW", () => {
  blobConformance(
    "S3",
    async () => {
      const store = openS3BlobStore(await testS3Settings());
      return { store, cleanup: () => store.close() };
    },
    { keyOf: (sha256, uploadId) => `objects/${sha256.slice(0, 2)}/${sha256}/${uploadId}` },
  );
});
