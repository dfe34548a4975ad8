import { readFile } from "node:fs/promises";
import { inspect } from "node:util";

import type { DistError } from "../base/errors.ts";
import { type Environment, readEnvironment } from "../config/environment.ts";
import type { CommandEntry, ParsedInput } from "./command.ts";
import { type Connection, resolveConnection } from "./connection.ts";
import type { CommandContext, Serve } from "./context.ts";
import { cliErrors, toDistError } from "./errors.ts";
import { exitCodes, type ExitReason, exitReasonOf } from "./exit-codes.ts";
import { type OpenRegistry, openRegistry } from "./open-registry.ts";
import { Output, type Streams } from "./output.ts";
import { type Program, programHelp } from "./help.ts";
import type { Invocation } from "./program.ts";

export interface MainOptions {
  /** The arguments after the program's name. */
  readonly argv: readonly string[];
  /** Under which name, and so with which commands. */
  readonly program: Program;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly streams: Streams;
  readonly directory: string;
  /** Aborted by SIGINT or SIGTERM; its reason is then the `ExitReason`. */
  readonly signal: AbortSignal;
  readonly serve: Serve;
  /** How registries are opened; tests put their own here. */
  readonly open?: typeof openRegistry;
}

/** Runs one command line to its end and answers the exit code. Never throws. */
export async function main(options: MainOptions): Promise<number> {
  const environment = readEnvironment(options.env);
  const output = new Output({
    streams: options.streams,
    json: wantsJson(options.argv),
    colour: environment.colour,
  });
  const reason = await attempt(options, environment, output);
  try {
    await output.flush();
  } catch (error) {
    const lost = toDistError(error);
    output.complain(lost);
    return exitCodes[exitReasonOf(lost)];
  }
  return reason === undefined ? 0 : exitCodes[reason];
}

async function attempt(
  options: MainOptions,
  environment: Environment,
  output: Output,
): Promise<ExitReason | undefined> {
  try {
    const invocation = await parse(options, output);
    switch (invocation.kind) {
      case "text":
        output.text(invocation.text);
        return undefined;
      case "version":
        output.text(`${await packageVersion()}\n`);
        return undefined;
      case "incomplete":
        if (!output.json) {
          output.textToStderr(invocation.help);
          return "usage";
        }
        throw cliErrors.error("usage.missing_command", "A command is missing.", {
          hint: `${options.program.name} --help lists the commands.`,
        });
      case "command":
        return (await runCommand(invocation, options, environment, output)) ?? undefined;
    }
  } catch (error) {
    return report(error, options.signal, environment, output);
  }
}

/** The parser is loaded only when there is something to parse: `dist --help` answers in half the time. */
async function parse({ argv, program }: MainOptions, output: Output): Promise<Invocation> {
  if (argv.length === 1 && ["--help", "-h", "help"].includes(argv[0] ?? "")) {
    return { kind: "text", text: programHelp(program, output.columns) };
  }
  const { parseCommandLine } = await import("./program.ts");
  return parseCommandLine(argv, program, output.columns);
}

async function runCommand(
  { entry, input }: { entry: CommandEntry; input: ParsedInput },
  options: MainOptions,
  environment: Environment,
  output: Output,
): Promise<ExitReason | void> {
  let place: Connection | undefined;
  const connection = (): Connection => {
    if (entry.spec.needs === "none") throw new Error(`${entry.spec.name} declares that it needs no store.`);
    return (place ??= resolveConnection(input.options, environment));
  };
  // Read early: a usage error comes before any work.
  if (entry.spec.needs === "store") connection();
  let opened: Promise<OpenRegistry> | undefined;
  const open = options.open ?? openRegistry;
  const context: CommandContext = {
    output,
    program: options.program,
    directory: options.directory,
    stdin: options.streams.stdin,
    environment,
    signal: options.signal,
    connection,
    open,
    serve: options.serve,
    registry: async () => {
      opened ??= open(connection(), environment, { create: entry.spec.creates === true });
      return (await opened).registry;
    },
  };
  const { run } = await entry.load();
  try {
    return await run(context, input);
  } finally {
    // An opening that failed has been reported by the command that asked for it.
    const registry = await opened?.catch(() => undefined);
    await registry?.close();
  }
}

function report(error: unknown, signal: AbortSignal, environment: Environment, output: Output): ExitReason {
  if (environment.debug) output.note(inspect(error));
  if (signal.aborted) {
    const reason: ExitReason = signal.reason === "terminated" ? "terminated" : "interrupted";
    output.failure(
      cliErrors.error("cli.interrupted", "Stopped before the end; what was not acknowledged is not done."),
    );
    return reason;
  }
  const distError: DistError = toDistError(error);
  output.failure(distError);
  return exitReasonOf(distError);
}

/** Known before the command line is parsed, so that its errors are JSON too. What follows `--` is no option. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? undefined : end).includes("--json");
}

async function packageVersion(): Promise<string> {
  // The same way up from src/cli and from build/cli.
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
