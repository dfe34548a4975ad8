/** Publishes many releases into a store: `node publish-many.ts STORE PREFIX COUNT`. One of two that do so at once. */
import { openStore } from "../../src/registry/open-store.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import { testSettings, publishTar } from "../support/test-store.ts";

const [directory, prefix, count] = process.argv.slice(2);
const store = await openStore({ directory: directory!, create: true, settings: testSettings });
const registry = store.as(localPrincipal(prefix!));
let published = 0;
for (let index = 0; index < Number(count); index++) {
  const { status } = await publishTar(registry, { version: `${prefix}.${index}`, channel: "beta" });
  if (status === "published") published += 1;
}
await store.close();
console.log(`published ${published}`);
