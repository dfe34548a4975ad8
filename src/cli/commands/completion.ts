import type { Run } from "../command.ts";
import { bashCompletion } from "../completion/bash.ts";
import { fishCompletion } from "../completion/fish.ts";
import { completionTree } from "../completion/tree.ts";
import { zshCompletion } from "../completion/zsh.ts";
import type { completion } from "../specs/tools.ts";

const writers = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

export const run: Run<typeof completion> = async ({ output, program }, { args }) => {
  const script = writers[args.shell](program.name, completionTree(program.groups));
  if (output.json) output.result({ shell: args.shell, script }, () => script);
  else output.text(script);
};
