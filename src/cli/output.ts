import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { styleText } from "node:util";

import type { DistError } from "../base/errors.ts";
import { cliErrors } from "./errors.ts";
import { escapeBlock } from "./escape.ts";
import { noProgress, type Progress, startProgress } from "./progress.ts";

/** A standard stream. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export interface Streams {
  /** Opened when a command asks for it: looking at it costs time and may hold the process. */
  readonly stdin: () => Readable;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

export interface OutputOptions {
  readonly streams: Streams;
  /** Standard output carries exactly one JSON value. */
  readonly json: boolean;
  /** False when the person asked for no colour. */
  readonly colour: boolean;
}

/** Everything that a command prints. What goes to a terminal is escaped here, whatever the text is made of. */
export class Output {
  readonly json: boolean;
  private readonly stdout: OutputStream;
  private readonly stderr: OutputStream;
  private readonly colour: boolean;
  private stdoutError: Error | undefined;

  constructor({ streams, json, colour }: OutputOptions) {
    this.json = json;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    this.colour = colour && streams.stderr.isTTY === true;
    this.stdout.on("error", (error: Error) => (this.stdoutError ??= error));
    // Nobody is left to tell.
    this.stderr.on("error", () => {});
  }

  /** True once nobody reads standard output any more (`| head`). */
  get closed(): boolean {
    return this.stdoutError !== undefined;
  }

  /** True when standard output is a screen, which bytes would garble. */
  get isTerminal(): boolean {
    return this.stdout.isTTY === true;
  }

  /** Columns of the terminal that help is shown on; undefined for a pipe. */
  get columns(): number | undefined {
    return this.stdout.columns;
  }

  /** The command's result: the value as JSON, or the text for people. */
  result(value: unknown, text: () => string): void {
    this.writeOut(this.json ? jsonText(value, 2) : `${escapeBlock(text())}\n`);
  }

  /** One of many results, each on its line. */
  item(value: unknown, text: () => string): void {
    this.writeOut(this.json ? jsonText(value) : `${escapeBlock(text())}\n`);
  }

  /** A document as it is, in pieces; waits while standard output is full. */
  async document(pieces: AsyncIterable<string | Uint8Array>): Promise<void> {
    for await (const piece of pieces) {
      if (this.closed) return;
      if (this.stdout.write(piece)) continue;
      // A closed pipe never drains.
      const settled = new AbortController();
      const options = { signal: settled.signal };
      await Promise.race([once(this.stdout, "drain", options), once(this.stdout, "close", options)]).catch(
        () => {},
      );
      settled.abort();
    }
  }

  /** Plain text of ours, such as help, on standard output. */
  text(text: string): void {
    this.writeOut(text);
  }

  /** The same on standard error: nobody asked for it. */
  textToStderr(text: string): void {
    this.stderr.write(text);
  }

  /** A remark for people, never part of the result. */
  note(text: string): void {
    this.stderr.write(`${escapeBlock(text)}\n`);
  }

  warn(text: string): void {
    this.stderr.write(`${this.style("yellow", "warning:")} ${escapeBlock(text)}\n`);
  }

  /** One error: its JSON object on standard output, or a sentence with its code on standard error. */
  failure(error: DistError): void {
    if (this.json) {
      this.writeOut(jsonText(error, 2));
      return;
    }
    this.complain(error);
  }

  /** The same for people, whatever was asked for. */
  complain(error: DistError): void {
    this.stderr.write(`${this.style("red", "error:")} ${escapeBlock(error.message)} (${error.code})\n`);
    for (const line of problemLines(error)) this.stderr.write(`  ${escapeBlock(line)}\n`);
    if (error.hint !== undefined)
      this.stderr.write(`${this.style("cyan", "hint:")} ${escapeBlock(error.hint)}\n`);
  }

  /** A progress line, where standard error is a terminal. */
  progress(label: string, total: number | null, unit: "bytes" | "items" = "bytes"): Progress {
    if (this.stderr.isTTY !== true) return noProgress;
    return startProgress({
      label,
      total,
      unit,
      columns: this.stderr.columns,
      write: (text) => void this.stderr.write(text),
      nowMs: () => performance.now(),
    });
  }

  /** Waits until everything is written. Raises `cli.output_failed`; a reader that went away is none of its business. */
  async flush(): Promise<void> {
    if (!this.closed) await new Promise<void>((resolve) => this.stdout.write("", () => resolve()));
    // The write's callback comes before the error event.
    await new Promise((resolve) => setImmediate(resolve));
    const error = this.stdoutError;
    if (error === undefined || ("code" in error && error.code === "EPIPE")) return;
    throw cliErrors.error("cli.output_failed", `Standard output could not be written: ${error.message}`, {
      hint: "What the command did is done; only its answer is lost.",
      cause: error,
    });
  }

  private writeOut(text: string): void {
    if (!this.closed) this.stdout.write(text);
  }

  private style(colour: "red" | "yellow" | "cyan", text: string): string {
    return this.colour ? styleText(colour, text, { validateStream: false }) : text;
  }
}

function jsonText(value: unknown, indent?: number): string {
  return `${JSON.stringify(value, null, indent)}\n`;
}

/** Errors that collect several problems list them under `details.problems`, each with a `message`. */
function problemLines(error: DistError): string[] {
  const { problems } = error.details;
  if (!Array.isArray(problems)) return [];
  return problems.flatMap((problem: unknown) =>
    typeof problem === "object" && problem !== null && "message" in problem ? [String(problem.message)] : [],
  );
}
