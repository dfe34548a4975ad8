import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";

import { DistError, errnoOf } from "../base/errors.ts";
import type { PackageRequest } from "../registry/records/packages.ts";
import { cliErrors } from "./errors.ts";

/** Notes are at most 64 KiB, tokens a line; whatever is larger was not meant. */
const maxTextBytes = 1024 * 1024;

/** Reads a short UTF-8 text that the command line names. Raises `cli.file_unreadable`. */
export async function readTextFile(path: string, directory: string): Promise<string> {
  const bytes = await readFileBytes(path, directory, maxTextBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(path, "is not UTF-8 text", error);
  }
}

/** Reads a file that the command line names, of at most `maxBytes`. Raises `cli.file_unreadable`. */
export async function readFileBytes(path: string, directory: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const absolute = resolve(directory, path);
    const { size } = await stat(absolute);
    if (size > maxBytes) throw unreadable(path, `is larger than ${maxBytes} bytes`);
    return await readFile(absolute);
  } catch (error) {
    if (error instanceof DistError) throw error;
    const errno = errnoOf(error);
    if (errno === "ENOENT") throw unreadable(path, "does not exist", error);
    throw unreadable(path, `cannot be read (${errno ?? String(error)})`, error);
  }
}

function unreadable(path: string, why: string, cause?: unknown): Error {
  return cliErrors.error("cli.file_unreadable", `${path} ${why}.`, { details: { path }, cause });
}

/** Reads a JSON object that the command line names. Raises `cli.file_unreadable`. */
export async function readJsonObject(
  path: string,
  directory: string,
): Promise<NonNullable<PackageRequest["metadata"]>> {
  const text = await readTextFile(path, directory);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, "is not JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unreadable(path, "is not a JSON object");
  }
  return value as NonNullable<PackageRequest["metadata"]>;
}
