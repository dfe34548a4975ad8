import type { KeptAnswers } from "../kept-answers.ts";
import type { PartDeps } from "../server-context.ts";
import type { Turns } from "./turns.ts";

/** What the routes of one server share. */
export interface ApiServer extends PartDeps {
  readonly turns: Turns;
  readonly kept: KeptAnswers;
}
