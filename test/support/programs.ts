import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A built program that runs, or has run. */
export interface Program {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** The address that `distd` listens on, once it does; rejects when the program ends before. */
  readonly url: Promise<string>;
  /** Its exit code, once it and every process that writes to its standard output are gone; null when a signal ended it. */
  readonly code: Promise<number | null>;
}

const running = new Map<ChildProcess, Promise<unknown>>();

export interface StartOptions {
  /** Makes it the head of a process group, as a shell does. */
  readonly ownGroup?: boolean;
  /** Where the programs are, when they are not those of this version. */
  readonly main?: string;
}

const thisMain = fileURLToPath(new URL("../../build/main", import.meta.url));

/** Starts the built program with these arguments, and with no environment but the PATH and `env`. */
export function startProgram(
  name: "dist" | "artifactstore" | "distd",
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { ownGroup = false, main = thisMain }: StartOptions = {},
): Program {
  const file = join(main, `${name}.js`);
  const child = spawn(process.execPath, ["--no-warnings", file, ...args], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: ownGroup,
  });
  let [stdout, stderr] = ["", ""];
  const url = Promise.withResolvers<string>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    const line = stdout.split("\n").find((one) => one.includes('"listening"'));
    if (line?.endsWith("}")) url.resolve((JSON.parse(line) as { url: string }).url);
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const code = once(child, "close").then(([value]) => {
    running.delete(child);
    url.reject(new Error(`It ended: ${stdout}${stderr}`));
    return value as number | null;
  });
  running.set(child, code);
  url.promise.catch(() => {});
  return { child, url: url.promise, code, stdout: () => stdout, stderr: () => stderr };
}

/** Kills what still runs; resolves when it is gone, with its workers. */
export async function killPrograms(): Promise<void> {
  for (const child of running.keys()) child.kill("SIGKILL");
  await Promise.all(running.values());
}

/** What `dist` did: its exit code, and the JSON it printed. */
export interface CliOutcome {
  readonly exit: number | null;
  readonly json: any;
  readonly stderr: string;
}

/** Runs `dist … --json` to its end. */
export async function runDist(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  options: StartOptions = {},
): Promise<CliOutcome> {
  const program = startProgram("dist", [...args, "--json"], env, options);
  const exit = await program.code;
  const text = program.stdout();
  return { exit, json: text === "" ? undefined : JSON.parse(text), stderr: program.stderr() };
}
