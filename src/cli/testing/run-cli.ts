import { PassThrough, Writable } from "node:stream";

import type { Registry } from "../../registry/registry.ts";
import type { Program } from "../help.ts";
import { dist } from "../programs.ts";
import { main } from "../run.ts";

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as the one JSON value that it must be. */
  readonly json: any;
}

export interface CliOptions {
  /** `dist` when absent. */
  readonly program?: Program;
  readonly env?: Readonly<Record<string, string>>;
  /** The methods that the command may call; any other is a failure. */
  readonly registry?: Partial<Registry>;
  readonly directory?: string;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly stdout?: Writable;
  /** Told how the registry was opened. */
  readonly onOpen?: (options: { create: boolean }) => void;
  readonly onClose?: () => void;
}

/** Runs one command line in this process against a registry made of a few methods, with `--local-store store` from the environment. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const stdout = collector();
  const stderr = collector();
  const stdin = new PassThrough();
  stdin.end(options.stdin ?? "");
  const code = await main({
    serve: async () => {
      throw new Error("served");
    },
    argv,
    program: options.program ?? dist,
    env: options.env ?? { DIST_STORE: "store" },
    streams: { stdin: () => stdin, stdout: options.stdout ?? stdout.stream, stderr: stderr.stream },
    directory: options.directory ?? "/",
    signal: options.signal ?? new AbortController().signal,
    open: async (_connection, _environment, how) => {
      options.onOpen?.(how);
      return { registry: only(options.registry ?? {}), close: async () => options.onClose?.() };
    },
  });
  return {
    code,
    stdout: stdout.text(),
    stderr: stderr.text(),
    get json() {
      return JSON.parse(stdout.text());
    },
  };
}

/** A registry that has nothing but these methods. */
export function only(methods: Partial<Registry>): Registry {
  return new Proxy(methods as Registry, {
    get(target, name) {
      if (Object.hasOwn(target, name)) return target[name as keyof Registry];
      if (name === "then") return undefined;
      throw new Error(`The command called ${String(name)}.`);
    },
  });
}

function collector(): { stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
