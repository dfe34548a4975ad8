import { appChanges } from "../app-changes.ts";
import type { Run } from "../command.ts";
import type { appCreate } from "../specs/app.ts";
import { appText } from "../views.ts";

export const run: Run<typeof appCreate> = async ({ output, registry }, { options }) => {
  const settings = appChanges(options);
  const app = await (await registry()).createApp(options.app, settings);
  output.result(app, () => appText(app));
};
