import { type ArgumentSpec, type CommandSpec, flagOf, type OptionSpec } from "../command.ts";
import { allOptions, type CommandGroup } from "../help.ts";

/** What can be typed after some words. */
export interface CompletionNode {
  /** The words so far, without the program: `""`, `release`, `release show`. */
  readonly path: string;
  /** The words that may come next. */
  readonly words: readonly { readonly word: string; readonly about: string }[];
  readonly options: readonly CompletionOption[];
}

export interface CompletionOption {
  readonly flag: string;
  readonly about: string;
  readonly takesValue: boolean;
  /** Empty where the value is free text or a file. */
  readonly choices: readonly string[];
  readonly isPath: boolean;
}

/** The program, then every family, then every command. */
export function completionTree(groups: readonly CommandGroup[]): CompletionNode[] {
  const words = groups.flatMap((group) => group.words);
  const root = { path: "", words: words.map(({ word, summary }) => ({ word, about: summary })), options: [] };
  const families = words
    .filter(({ word, entries }) => entries[0]?.spec.name !== word)
    .map(({ word, entries }) => ({
      path: word,
      words: entries.map(({ spec }) => ({ word: spec.name.slice(word.length + 1), about: spec.summary })),
      options: [],
    }));
  return [root, ...families, ...words.flatMap(({ entries }) => entries.map(({ spec }) => commandNode(spec)))];
}

function commandNode(spec: CommandSpec): CompletionNode {
  const args = Object.values<ArgumentSpec>(spec.args ?? {});
  return {
    path: spec.name,
    words: args.flatMap(({ choices, about }) => (choices ?? []).map((word) => ({ word, about }))),
    options: [
      ...Object.entries(allOptions(spec)).flatMap(([name, option]) => optionNodes(name, option)),
      { flag: "--help", about: "Help", takesValue: false, choices: [], isPath: false },
    ],
  };
}

function optionNodes(name: string, option: OptionSpec): CompletionOption[] {
  const on = {
    flag: flagOf(name),
    about: option.about,
    takesValue: option.value !== undefined,
    choices: option.choices ?? [],
    isPath: ["FILE", "DIR", "PATH"].includes(option.value ?? ""),
  };
  if (option.off === undefined) return [on];
  const off = {
    flag: flagOf(name).replace("--", "--no-"),
    about: option.off,
    takesValue: false,
    choices: [],
    isPath: false,
  };
  return [on, off];
}

/** Text between single quotes, as POSIX shells and zsh read it. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
