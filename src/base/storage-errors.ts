import { errorFamily } from "./errors.ts";

/** What both the database and the bytes can meet: the disk under the store. */
export const storageErrors = errorFamily({
  "store.full": { kind: "unavailable", about: "There is no room left where the store is." },
  "store.other_storage": {
    kind: "conflict",
    about: "The store's bytes are in another kind of place than the one that is configured.",
  },
  "store.read_only": { kind: "unavailable", about: "The store cannot be written." },
});
