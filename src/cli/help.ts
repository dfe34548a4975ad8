import { wrapText } from "./wrap-text.ts";
import {
  argumentLabel,
  argumentTerm,
  type CommandEntry,
  type CommandSpec,
  flagOf,
  type OptionSpec,
} from "./command.ts";
import { connectionOptions } from "./connection.ts";
import { exitMeanings } from "./exit-codes.ts";

const defaultColumns = 100;
const maxColumns = 120;

/** The program under one of its names. */
export interface Program {
  readonly name: "dist" | "artifactstore";
  /** What it is for, in a sentence after the name. */
  readonly about: string;
  readonly groups: readonly CommandGroup[];
  /** Command lines, without the name. */
  readonly firstSteps: readonly string[];
}

/** A heading of the top-level help with the words under it. */
export interface CommandGroup {
  readonly heading: string;
  readonly words: readonly CommandWord[];
}

/** A first word after the program's name: a command, or a family of commands. */
export interface CommandWord {
  readonly word: string;
  readonly summary: string;
  readonly entries: readonly CommandEntry[];
}

/** The options that every command has. */
export const commonOptions = {
  json: { about: "Print one JSON value on standard output; everything for people goes to standard error" },
} as const;

/** The options of a command, its own first. */
export function allOptions(spec: CommandSpec): Readonly<Record<string, OptionSpec>> {
  return { ...spec.options, ...(spec.needs === "none" ? {} : connectionOptions), ...commonOptions };
}

/** `dist --help`. */
export function programHelp({ name, about, groups, firstSteps }: Program, columns?: number): string {
  const pad = Math.max(...groups.flatMap(({ words }) => words.map(({ word }) => word.length)));
  const sections = groups.map(({ heading, words }) =>
    section(
      heading,
      words.map(({ word, summary, entries }) => [word, summary + subcommands(word, entries)] as const),
      columns,
      pad,
    ),
  );
  return join([
    `${name} ${about}`,
    `Usage: ${name} COMMAND [options]`,
    ...sections,
    section(
      "Everywhere",
      [
        ["--help", "Help; COMMAND --help lists arguments, options, examples and exit codes"],
        ["--version", "The version of this program"],
        ["--json", commonOptions.json.about],
      ],
      columns,
    ),
    section(
      "Where commands work",
      [
        ["--local-store DIR", "A store directory on this machine (or DIST_STORE); no server needed"],
        ["--server URL", "A server (or DIST_SERVER), with --token SECRET (or DIST_TOKEN)"],
      ],
      columns,
    ),
    `First steps:\n${firstSteps.map((step) => `  ${name} ${step}`).join("\n")}`,
  ]);
}

/** `dist app --help`. */
export function familyHelp(
  { name }: Program,
  { word, summary, entries }: CommandWord,
  columns?: number,
): string {
  return join([
    `${summary}.`,
    `Usage: ${name} ${word} COMMAND [options]`,
    section(
      "Commands",
      entries.map(({ spec }) => [spec.name.slice(word.length + 1), spec.summary] as const),
      columns,
    ),
    `${name} ${word} COMMAND --help tells more.`,
  ]);
}

/** `dist ci publish --help`. */
export function commandHelp({ name }: Program, spec: CommandSpec, columns?: number): string {
  const options = Object.entries(allOptions(spec));
  const args = Object.entries(spec.args ?? {});
  return join([
    wrapText(spec.description, 0, limit(columns)),
    `Usage: ${usageLine(name, spec)}`,
    section(
      "Arguments",
      args.map(([arg, { about, choices }]) => [argumentLabel(arg), about + listed(choices)]),
      columns,
    ),
    section(
      "Options",
      options.flatMap(([option, optionSpec]) => optionRows(option, optionSpec)),
      columns,
    ),
    section("Environment", environment(options), columns),
    section("Exit codes", exits(spec), columns),
    `Examples:\n${spec.examples.map((example) => `  ${underName(name, example)}`).join("\n")}`,
  ]);
}

/** `dist release show RELEASE --app SLUG [options]`. */
function usageLine(program: Program["name"], spec: CommandSpec): string {
  const args = Object.entries(spec.args ?? {}).map(([name, argument]) => argumentTerm(name, argument));
  const required = Object.entries(spec.options ?? {})
    .filter(([, option]) => option.required)
    .map(([name, option]) => optionTerm(name, option));
  return [program, spec.name, ...args, ...required, "[options]"].join(" ");
}

/** An example with the program under this name. */
function underName(name: Program["name"], example: string): string {
  return example.replaceAll(/(^|\| )dist /g, `$1${name} `);
}

function optionRows(name: string, option: OptionSpec): (readonly [string, string])[] {
  const on = [optionTerm(name, option), optionAbout(option)] as const;
  return option.off === undefined ? [on] : [on, [flagOf(name).replace("--", "--no-"), sentence(option.off)]];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function optionTerm(name: string, option: OptionSpec): string {
  const value = option.value === undefined ? "" : ` ${option.value}`;
  return `${flagOf(name)}${value}`;
}

function optionAbout(option: OptionSpec): string {
  const repeated = option.repeat || option.type === "pairs";
  return [
    option.about,
    listed(option.choices),
    option.default === undefined ? "" : ` (default: ${option.default})`,
    repeated ? " (repeatable)" : "",
    option.required ? " (required)" : "",
  ].join("");
}

function listed(choices: readonly string[] | undefined): string {
  return choices === undefined ? "" : ` [${choices.join(", ")}]`;
}

function environment(options: readonly (readonly [string, OptionSpec])[]): (readonly [string, string])[] {
  return options.flatMap(([name, { env }]) =>
    env === undefined ? [] : [[env, `As ${flagOf(name)}, which beats it`]],
  );
}

function exits(spec: CommandSpec): (readonly [string, string])[] {
  return Object.entries(exitMeanings)
    .filter(([code]) => code !== "4" || spec.exits?.[4] !== undefined)
    .filter(([code]) => code !== "3" || spec.needs !== "none" || spec.exits?.[3] !== undefined)
    .map(([code, meaning]) => [code, spec.exits?.[Number(code)] ?? meaning]);
}

function subcommands(word: string, entries: readonly CommandEntry[]): string {
  const names = entries.map(({ spec }) => spec.name).filter((name) => name !== word);
  return names.length === 0 ? "" : ` (${names.map((name) => name.slice(word.length + 1)).join(", ")})`;
}

function section(
  heading: string,
  rows: readonly (readonly [term: string, about: string])[],
  columns: number | undefined,
  pad: number = Math.min(30, Math.max(0, ...rows.map(([term]) => term.length))),
): string {
  if (rows.length === 0) return "";
  const indent = pad + 4;
  const lines = rows.map(([term, about]) => {
    const text = wrapText(about, indent, limit(columns));
    return term.length > pad ? `  ${term}\n${" ".repeat(indent)}${text}` : `  ${term.padEnd(pad)}  ${text}`;
  });
  return `${heading}:\n${lines.join("\n")}`;
}

function limit(columns: number | undefined): number {
  return Math.min(columns ?? defaultColumns, maxColumns);
}

function join(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
