import { errorFamily } from "../base/errors.ts";

export const configErrors = errorFamily({
  "config.invalid": {
    kind: "invalid",
    about:
      "The configuration has unknown keys or unreadable values; `details.problems` lists every one of them.",
  },
});
