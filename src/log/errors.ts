import { errorFamily } from "../base/errors.ts";

export const logErrors = errorFamily({
  "log.event_too_large": {
    kind: "too_large",
    about: "One event would hold more than 65,535 bytes; larger payloads go in by digest.",
  },
  "log.unknown_event_type": {
    kind: "corrupt",
    about: "The log holds an event of a type this version does not know.",
  },
  "log.malformed_event": {
    kind: "corrupt",
    about: "The bytes of an event are not what an event's bytes must be.",
  },
});
