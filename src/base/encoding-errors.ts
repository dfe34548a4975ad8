import { errorFamily } from "./errors.ts";

/** The codes that `base` raises. */
export const baseErrors = errorFamily({
  "encoding.unsupported_value": {
    kind: "invalid",
    about: "A value cannot be written in the canonical encoding; `details.path` is a JSON Pointer to it.",
  },
  "encoding.not_canonical": {
    kind: "corrupt",
    about:
      "Bytes are not in the canonical encoding; `details.offset` is where they leave it. They were damaged, or not written by this software.",
  },
  "duration.invalid": {
    kind: "invalid",
    about:
      "A duration is not a whole positive number with one of the units s, m, h, d, w, y, or is too long.",
  },
  "duration.not_fixed": {
    kind: "invalid",
    about: "A duration in calendar years was given where a fixed number of seconds is needed.",
  },
});
