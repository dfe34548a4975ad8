import { defineCommand } from "../command.ts";

export const storeStatus = defineCommand({
  name: "store status",
  summary: "Show what a store holds",
  description: "Shows a store's size and counts, and whether it can be used.",
  examples: ["dist store status --local-store ./store"],
  exits: { 4: "the store has problems" },
  needs: "store",
});

export const storeUsage = defineCommand({
  name: "store usage",
  summary: "Show what takes the space",
  description:
    "Shows the packages that the store keeps, releases among them, and their bytes: by retention class, by what keeps them, by app, and by " +
    "the month they were created in. Files that several packages have count for each; what is stored has them once.",
  examples: ["dist store usage --local-store ./store", "dist store usage --json"],
  needs: "store",
});

export const storeVerify = defineCommand({
  name: "store verify",
  summary: "Check log, references and every byte",
  description:
    "Reads the whole log and every stored byte and compares them with what was recorded. Writes nothing. " +
    "What cleanup would take away is listed as collectable and is no problem.",
  examples: ["dist store verify --local-store ./store", "dist store verify --local-store ./store --json"],
  exits: { 4: "something is missing or damaged; the report says what" },
  needs: "store",
});

export const storeRebuild = defineCommand({
  name: "store rebuild",
  summary: "Make the views again from the log",
  description:
    "Replays the log into fresh views, compares them with those in use, and puts them in their place.",
  examples: ["dist store rebuild --local-store ./store"],
  exits: { 4: "the views differed; they are replaced" },
  needs: "store",
});

export const storeCleanup = defineCommand({
  name: "store cleanup",
  summary: "Say what may go, and with --apply delete it",
  description:
    "Says for everything why it stays or goes: expired drafts, releases outside every window, packages whose time has passed, bytes that nothing refers to, stale staging. " +
    "Only --apply deletes.",
  options: { apply: { about: "Delete" } },
  examples: ["dist store cleanup --local-store ./store", "dist store cleanup --local-store ./store --apply"],
  exits: { 4: "the store has problems" },
  needs: "store",
});

export const storeExport = defineCommand({
  name: "store export",
  summary: "Write the log as db.json",
  description:
    "Writes every event of the log, with its exact bytes, one per line. The stored files are not in it: copy objects/ as well.",
  options: {
    output: { value: "FILE", about: "Write to this file and print a report; standard output when absent" },
  },
  examples: [
    "dist store export --local-store ./store --output db.json",
    "dist store export --local-store ./store | gzip > db.json.gz",
  ],
  exits: { 4: "the log is damaged" },
  needs: "store",
});

export const storeImport = defineCommand({
  name: "store import",
  summary: "Replay a db.json into an empty store",
  description:
    "Replays an exported log into an empty store, which keeps its identity, and adopts the files that are already under objects/. " +
    "Missing ones are named. A missing store is created.",
  args: { file: { about: "The export; - is standard input; DIR/db.json when absent", optional: true } },
  examples: [
    "dist store import --local-store ./moved",
    "gunzip -c db.json.gz | dist store import - --local-store ./moved",
  ],
  exits: {
    1: "refused: the store is not empty, the file is no export",
    4: "the export is damaged, or files are missing",
  },
  needs: "store",
  creates: true,
});

export const storeMigrate = defineCommand({
  name: "store migrate",
  summary: "Copy a whole store to another database and object store",
  description:
    "Copies a store to another place, whatever keeps either: SQLite or PostgreSQL, a directory or an object store. Each side is a store " +
    "directory, as a path or a file: URL; the dist.toml in it names its database and storage. DIST_* variables hold for --from; those for --to " +
    "begin with DIST_TO_. A missing target is created.\n\n" +
    "The log moves byte for byte and keeps its identity; every object is hashed on its way. The source is read and written meanwhile; only " +
    "for what came last its writers wait. A migration that was stopped goes on when it is run again. The source stays as it was: stop its " +
    "servers before, or what they write afterwards is not in the copy. Uploads in pieces that are under way do not move.",
  options: {
    from: { value: "URL", about: "The store to copy", required: true },
    to: { value: "URL", about: "Where it goes: empty, or begun by an earlier run", required: true },
  },
  examples: [
    "dist store migrate --from ./store --to ./moved",
    "dist store migrate --from file:///srv/dist --to /srv/dist-new --json",
  ],
  exits: {
    1: "refused: there is no source, the target is not empty, both are one place",
    3: "a database or object store did not answer: run it again",
    4: "the source is damaged; what is wrong is named, and the migration is not finished",
  },
  needs: "none",
});
