import { appChanges } from "../app-changes.ts";
import type { Run } from "../command.ts";
import type { appSet } from "../specs/app.ts";
import { appText } from "../views.ts";

export const run: Run<typeof appSet> = async ({ output, registry }, { options }) => {
  const changes = appChanges(options);
  const app = await (await registry()).updateApp(options.app, changes);
  output.result(app, () => appText(app));
};
