import type { Run } from "../command.ts";
import type { appShow } from "../specs/app.ts";
import { appText } from "../views.ts";

export const run: Run<typeof appShow> = async ({ output, registry }, { options }) => {
  const app = await (await registry()).getApp(options.app);
  output.result(app, () => appText(app));
};
