import { errorFamily } from "../base/errors.ts";

export const catalogErrors = errorFamily({
  "store.load": { kind: "not_found", about: "There is no store where one was named." },
  "store.busy": {
    kind: "unavailable",
    about: "Another process kept the store's write lock past the deadline.",
  },
  "store.damaged": { kind: "corrupt", about: "The database is damaged, or its file is none." },
  "store.io_failed": { kind: "unavailable", about: "The database could not be read or written." },
  "store.unreachable": {
    kind: "unavailable",
    about: "The database server could not be reached, or the connection to it was lost. Retry.",
  },
  "store.database_refused": {
    kind: "unavailable",
    about: "The database server refuses: wrong user or password, no such database, no permission.",
  },
  "clock.skew": {
    kind: "unavailable",
    about: "This machine's clock is more than 60 seconds off the database's; it must not write.",
  },
  "store.newer_schema": {
    kind: "unavailable",
    about: "A newer version has changed the store so that this one cannot use it.",
  },
  "store.older_nodes": {
    kind: "unavailable",
    about: "The store must be upgraded, and servers of an older version use it. Stop them first.",
  },
  "store.foreign_tables": {
    kind: "conflict",
    about:
      "The database has tables with the names of a store's that are not a store's; they are left as they are.",
  },
  "store.unsafe_sqlite": {
    kind: "unavailable",
    about: "This SQLite can lose committed writes (the WAL-reset bug before 3.51.3).",
  },
  "store.not_empty": {
    kind: "conflict",
    about: "The store has a log already; an import needs an empty one.",
  },
  "transaction.outcome_unknown": {
    kind: "unavailable",
    about: "The commit was sent and its fate could not be learned. Retry.",
  },
  "log.gap": { kind: "corrupt", about: "The log's sequence has a gap." },
  "log.hash_mismatch": { kind: "corrupt", about: "An event's bytes do not hash to what was recorded." },
  "log.malformed_export": { kind: "invalid", about: "The text is not an exported log." },
});
