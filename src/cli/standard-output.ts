import { cliErrors } from "./errors.ts";
import type { Output } from "./output.ts";

/** Raises `usage.conflicting_options` where standard output is for people, or for one JSON value, and `what` is neither. */
export function refuseBytesOnScreen(output: Output, what: string): void {
  if (!output.json && !output.isTerminal) return;
  const place = output.json ? "With --json standard output is for one JSON value" : "A screen shows no bytes";
  throw cliErrors.error("usage.conflicting_options", `${place}: say where the ${what} goes.`, {
    hint: "Add --output FILE.",
  });
}
