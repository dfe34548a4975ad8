import { errorFamily } from "./errors.ts";

/** What both the database and the bytes can meet: the disk under the store. */
export const storageErrors = errorFamily({
  "store.full": { kind: "unavailable", about: "There is no room left where the store is." },
  "store.read_only": { kind: "unavailable", about: "The store cannot be written." },
});
