import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";

import type { DistError } from "../base/errors.ts";
import {
  argumentLabel,
  type CommandEntry,
  type CommandSpec,
  flagOf,
  type OptionSpec,
  type Pair,
  type ParsedInput,
} from "./command.ts";
import { connectionOptions } from "./connection.ts";
import { cliErrors } from "./errors.ts";
import { allOptions, commandHelp, commonOptions, familyHelp, type Program, programHelp } from "./help.ts";

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "version" }
  /** A command is missing; `help` lists what there is. */
  | { readonly kind: "incomplete"; readonly help: string }
  | { readonly kind: "command"; readonly entry: CommandEntry; readonly input: ParsedInput };

/** Reads a command line (without program names). Raises `usage.*`. */
export function parseCommandLine(argv: readonly string[], program: Program, columns?: number): Invocation {
  let invocation: Invocation | undefined;
  let printed = "";
  const parser = buildParser(program, columns, {
    choose: (chosen) => (invocation = chosen),
    print: (text) => (printed += text),
  });
  // `dist help ci publish` is `dist ci publish --help`.
  const args = argv[0] === "help" ? [...argv.slice(1), "--help"] : [...argv];
  try {
    parser.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return { kind: "text", text: printed };
    if (error.code === "commander.version") return { kind: "version" };
    if (error.code === "commander.help") return { kind: "incomplete", help: printed };
    throw usageError(error);
  }
  return invocation ?? { kind: "incomplete", help: programHelp(program, columns) };
}

/** What the parser calls back. */
interface Listener {
  choose(invocation: Invocation): void;
  print(help: string): void;
}

function buildParser(program: Program, columns: number | undefined, { choose, print }: Listener): Command {
  const helpTexts = new Map<Command, () => string>();
  const parser = new Command(program.name)
    .exitOverride()
    .enablePositionalOptions()
    .helpCommand(false)
    .version("", "--version")
    // Subcommands inherit what is set before they are added.
    .configureOutput({ writeOut: print, writeErr: print, outputError: () => {} })
    .configureHelp({ formatHelp: (command) => helpTexts.get(command)?.() ?? "" });
  helpTexts.set(parser, () => programHelp(program, columns));
  // Options that name the store may also stand before the command.
  addOptions(parser, { ...connectionOptions, ...commonOptions });
  for (const group of program.groups) {
    for (const word of group.words) {
      const [only] = word.entries;
      const isFamily = only?.spec.name !== word.word;
      const parent = isFamily ? parser.command(word.word) : parser;
      if (isFamily) helpTexts.set(parent, () => familyHelp(program, word, columns));
      for (const entry of word.entries) {
        const name = entry.spec.name.split(" ").at(-1) ?? entry.spec.name;
        const command = addCommand(parent.command(name), entry, parser, choose);
        helpTexts.set(command, () => commandHelp(program, entry.spec, columns));
      }
    }
  }
  return parser;
}

function addCommand(
  command: Command,
  entry: CommandEntry,
  parser: Command,
  choose: Listener["choose"],
): Command {
  const args = Object.entries(entry.spec.args ?? {});
  for (const [name, { about, optional, repeat, choices }] of args) {
    const label = `${argumentLabel(name)}${repeat ? "..." : ""}`;
    const argument = new Argument(optional ? `[${label}]` : `<${label}>`, about);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  addOptions(command, allOptions(entry.spec));
  return command.action(() => {
    const before = Object.entries(parser.opts()).filter(([, value]) => value !== undefined);
    choose({
      kind: "command",
      entry,
      input: {
        args: Object.fromEntries(args.map(([name], index) => [name, command.processedArgs[index]])),
        options: nullWhereOff(entry.spec, { ...command.opts(), ...missingFrom(command.opts(), before) }),
      },
    });
  });
}

/** The options given before the command that are not also given after it. */
function missingFrom(options: object, before: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(
    before.filter(([name]) => {
      const own = name in options ? options[name as keyof typeof options] : undefined;
      return own === undefined || own === false;
    }),
  );
}

/** Commander says false for `--no-…`; where the option takes a value, that is null. */
function nullWhereOff(spec: CommandSpec, options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => {
      const isOff = value === false && spec.options?.[name]?.value !== undefined;
      return [name, isOff ? null : value];
    }),
  );
}

function addOptions(command: Command, options: Readonly<Record<string, OptionSpec>>): void {
  for (const [name, spec] of Object.entries(options)) {
    const value = spec.value === undefined ? "" : ` <${spec.value}>`;
    const option = new Option(`${flagOf(name)}${value}`, spec.about);
    // Commander sets the parser for choices itself; a repeated option gets it wrapped.
    if (spec.choices !== undefined) option.choices(spec.choices);
    if (spec.type === "integer") option.argParser(parseInteger);
    if (spec.type === "pairs") option.default([]).argParser(parsePair);
    if (spec.repeat) collect(option);
    if (spec.value === undefined && spec.off === undefined) option.default(false);
    if (spec.default !== undefined)
      option.default(spec.type === "integer" ? Number(spec.default) : spec.default);
    if (spec.required) option.makeOptionMandatory();
    command.addOption(option);
    if (spec.off !== undefined) command.addOption(new Option(flagOf(name).replace("--", "--no-"), spec.off));
  }
}

function collect(option: Option): void {
  const { parseArg: check } = option;
  option.default([]).argParser((value: string, previous: readonly unknown[]) => {
    check?.(value, undefined);
    return [...previous, value];
  });
}

function parseInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("Give a whole number.");
  return value;
}

function parsePair(text: string, previous: readonly Pair[]): readonly Pair[] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Write it as KEY=VALUE.");
  return [...previous, [text.slice(0, at), text.slice(at + 1)]];
}

const usageCodes: Readonly<Record<string, keyof typeof cliErrors.definitions>> = {
  "commander.unknownCommand": "usage.unknown_command",
  "commander.unknownOption": "usage.unknown_option",
  "commander.missingMandatoryOptionValue": "usage.missing_option",
  "commander.missingArgument": "usage.missing_argument",
  "commander.excessArguments": "usage.too_many_arguments",
  "commander.optionMissingArgument": "usage.missing_value",
  "commander.invalidArgument": "usage.invalid_value",
};

/** Commander's `error: sentence` with, on a second line, `(Did you mean …?)`. */
function usageError(error: CommanderError): DistError {
  const [sentence = "", suggestion] = error.message.replace(/^error: /, "").split("\n(");
  const message = sentence.charAt(0).toUpperCase() + sentence.slice(1).replace(/\.?$/, ".");
  return cliErrors.error(usageCodes[error.code] ?? "usage.invalid_value", message, {
    hint: suggestion?.replace(/\)$/, "") ?? "Add --help for what the command takes.",
  });
}
