import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";

import { DistError, errnoOf } from "../base/errors.ts";
import { cliErrors } from "./errors.ts";

/** Notes are at most 64 KiB, tokens a line; whatever is larger was not meant. */
const maxTextBytes = 1024 * 1024;

/** Reads a short UTF-8 text that the command line names. Raises `cli.file_unreadable`. */
export async function readTextFile(path: string, directory: string): Promise<string> {
  const refuse = (why: string, cause?: unknown): Error =>
    cliErrors.error("cli.file_unreadable", `${path} ${why}.`, { details: { path }, cause });
  try {
    const absolute = resolve(directory, path);
    const { size } = await stat(absolute);
    if (size > maxTextBytes) throw refuse(`is larger than ${maxTextBytes} bytes`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(absolute));
  } catch (error) {
    if (error instanceof DistError) throw error;
    const errno = errnoOf(error);
    if (errno === "ENOENT") throw refuse("does not exist", error);
    if (errno === "ERR_ENCODING_INVALID_ENCODED_DATA") throw refuse("is not UTF-8 text", error);
    throw refuse(`cannot be read (${errno ?? String(error)})`, error);
  }
}
