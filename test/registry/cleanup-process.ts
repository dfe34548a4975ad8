/**
 * A process that cleans up a store whenever it is told the time, by that time, and says what came of it. Its arguments are the store's
 * directory and its settings as JSON.
 */
import { localPrincipal } from "../../src/registry/principal.ts";
import { openStore } from "../../src/registry/open-store.ts";

const [directory, settings] = process.argv.slice(2);
let nowMs = 0;
const store = await openStore({
  directory: directory!,
  create: false,
  settings: JSON.parse(settings!),
  storage: { kind: "directory" },
  clock: { nowMs: () => nowMs },
});
const registry = store.as(localPrincipal("collector"));

process.on("message", (time: number) => {
  nowMs = time;
  registry.cleanupStore({ apply: true }).then(
    () => process.send!("ok"),
    (error: unknown) => process.send!(String(error)),
  );
});
process.on("disconnect", () => void store.close());
process.send!("ready");
