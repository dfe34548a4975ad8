import { rgwTools } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";
import { useS3 } from "../support/test-store.ts";

/** The use cases that touch bytes, with the bytes in a real object store: the same tests as on a directory. */
const suites: readonly (() => Promise<unknown>)[] = [
  () => import("./objects.test.ts"),
  () => import("./uploads.test.ts"),
  () => import("./cleanup.test.ts"),
  () => import("./publish.test.ts"),
];

needs(...rgwTools)("with bytes on Ceph RGW", async () => {
  useS3();
  for (const suite of suites) await suite();
});
