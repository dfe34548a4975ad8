import type { CommandContext } from "./context.ts";
import type { ExitReason } from "./exit-codes.ts";

/** One option, as data: parsing, help, completion and the reference are all made from it. The flag is the key in kebab-case. */
export interface OptionSpec {
  readonly about: string;
  /** How help names the value. Absent: a switch. */
  readonly value?: string;
  /** `text` when absent. `pairs` are `KEY=VALUE`, given any number of times. */
  readonly type?: "integer" | "pairs";
  readonly repeat?: true;
  readonly choices?: readonly string[];
  readonly default?: string;
  readonly required?: true;
  /** The environment variable that stands in for the option. */
  readonly env?: string;
  /** What `--no-…` does; absent when there is no such form. */
  readonly off?: string;
}

export interface ArgumentSpec {
  readonly about: string;
  readonly optional?: true;
  /** One or more values, for the last argument. */
  readonly repeat?: true;
  readonly choices?: readonly string[];
}

export interface CommandSpec {
  /** The words after the program's name: `ci publish`. */
  readonly name: string;
  /** One line, for lists. */
  readonly summary: string;
  /** Paragraphs, for the command's own help. */
  readonly description: string;
  readonly args?: { readonly [name: string]: ArgumentSpec };
  readonly options?: { readonly [name: string]: OptionSpec };
  readonly examples: readonly string[];
  /** What exit codes mean here, where the general sentence does not say enough; 4 is listed only when given. */
  readonly exits?: { readonly [code: number]: string };
  /**
   * `store`: works on a store or a server, and takes the options that name one; `maybe`: takes them, and does part of what it does
   * without.
   */
  readonly needs: "store" | "maybe" | "none";
  /** Whether a missing store is made. */
  readonly creates?: true;
}

/** A `KEY=VALUE` option. */
export type Pair = readonly [key: string, value: string];

type Text<O> = O extends { choices: readonly (infer Choice)[] } ? Choice : string;
type Absent<O> = O extends { required: true } | { default: string } ? never : undefined;
type Off<O> = O extends { off: string } ? null : never;
type OptionValue<O> = O extends { type: "pairs" }
  ? readonly Pair[]
  : O extends { repeat: true }
    ? readonly Text<O>[]
    : O extends { type: "integer" }
      ? number | Absent<O> | Off<O>
      : O extends { value: string }
        ? Text<O> | Absent<O> | Off<O>
        : O extends { off: string }
          ? boolean | undefined
          : boolean;
type ArgumentValue<A> = A extends { repeat: true }
  ? readonly Text<A>[]
  : A extends { optional: true }
    ? string | undefined
    : Text<A>;

/** What a command's `run` gets: its arguments and options by name; null stands for `--no-…` of an option with a value. */
export interface InputOf<S extends CommandSpec> {
  readonly args: { readonly [K in keyof S["args"]]: ArgumentValue<S["args"][K]> };
  readonly options: { readonly [K in keyof S["options"]]: OptionValue<S["options"][K]> };
}

/**
 * Does the work of a command. It prints its own result and raises what went wrong. Where the result itself is bad news (a store found damaged), it prints that and
 * returns the reason for the exit code.
 */
export type Run<S extends CommandSpec> = (
  context: CommandContext,
  input: InputOf<S>,
) => Promise<ExitReason | void>;

/** A command with the way to load it. */
export interface CommandEntry {
  readonly spec: CommandSpec;
  load(): Promise<{ run: (context: CommandContext, input: ParsedInput) => Promise<ExitReason | void> }>;
}

/** `InputOf` before its types are known: what the parser hands over. */
export interface ParsedInput {
  readonly args: { readonly [name: string]: unknown };
  readonly options: { readonly [name: string]: unknown };
}

/** Keeps the literal types of a spec, from which `InputOf` reads. */
export function defineCommand<const S extends CommandSpec>(spec: S): S {
  return spec;
}

/** The same for options that several commands share. */
export function defineOptions<const O extends NonNullable<CommandSpec["options"]>>(options: O): O {
  return options;
}

/** Binds a spec to the module that runs it, so that both agree on the input. */
export function entry<S extends CommandSpec>(spec: S, load: () => Promise<{ run: Run<S> }>): CommandEntry {
  // The parser builds its input from this very spec, so the erased type is the true one.
  return { spec, load: load as unknown as CommandEntry["load"] };
}

/** `ifExists` -> `--if-exists`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `releaseId` -> `RELEASE_ID`, as help shows an argument. */
export function argumentLabel(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** `[FILE]`, `FILE…`: the same in a usage line. */
export function argumentTerm(name: string, { optional, repeat }: ArgumentSpec): string {
  const label = `${argumentLabel(name)}${repeat ? "…" : ""}`;
  return optional ? `[${label}]` : label;
}
