import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import type { sessionEnd } from "../specs/access.ts";

export const run: Run<typeof sessionEnd> = async ({ output, registry }, { args }) => {
  const session = await (await registry()).endSession(args.id);
  output.result(session, () => say`${session.actor} is signed out of ${session.id}.`);
};
