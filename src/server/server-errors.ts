import { errorFamily } from "../base/errors.ts";

/** What keeps a server from starting. */
export const serverErrors = errorFamily({
  "server.cannot_listen": {
    kind: "unavailable",
    about: "The server cannot listen on the address and port it was given.",
  },
  "server.worker_failed": {
    kind: "unavailable",
    about: "A worker ended before it listened, or again and again; the log says how.",
  },
});
