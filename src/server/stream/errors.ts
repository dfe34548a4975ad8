import { errorFamily } from "../../base/errors.ts";

export const streamErrors = errorFamily({
  "events.too_many_streams": {
    kind: "unavailable",
    about: "As many event streams are open as the server serves at once.",
  },
});
