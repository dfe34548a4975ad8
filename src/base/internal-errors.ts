import { errorFamily } from "./errors.ts";

/** What is nobody's refusal: a defect of the program, caught at its edge. */
export const internalErrors = errorFamily({
  "internal.unexpected": {
    kind: "internal",
    about: "A defect of the program; the log or DIST_DEBUG tells more.",
  },
});
