import { errorFamily } from "../../base/errors.ts";

export const migrationErrors = errorFamily({
  "migration.same_place": {
    kind: "conflict",
    about: "Source and target share their database or the place of their bytes; `details.what` says which.",
  },
  "migration.other_log": {
    kind: "conflict",
    about: "The target holds another store's log, or objects of another migration.",
  },
  "migration.diverged": {
    kind: "conflict",
    about: "The target has the source's log and went on with it by itself; it is a store of its own now.",
  },
  "migration.source_damaged": {
    kind: "corrupt",
    about:
      "Objects that the source holds are missing or are not their digests' bytes; `details.problems` names them, and the migration is not finished.",
  },
});
