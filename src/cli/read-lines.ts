import { cliErrors } from "./errors.ts";

/** An event has at most 65,535 bytes, so its line is far shorter; without a limit one endless line would fill the memory. */
const maxLineBytes = 1024 * 1024;

/** A UTF-8 stream in pieces of one line each, its line feed with it. Raises `cli.line_too_long`, `cli.file_unreadable`. */
export async function* readLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of source) {
    const lines = (rest + decode(decoder, chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxLineBytes) {
      throw cliErrors.error(
        "cli.line_too_long",
        `A line is longer than ${maxLineBytes} bytes: this is no export.`,
      );
    }
    for (const line of lines) yield `${line}\n`;
  }
  rest += decode(decoder);
  if (rest !== "") yield rest;
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (error) {
    throw cliErrors.error("cli.file_unreadable", "The export is not UTF-8 text.", { cause: error });
  }
}
