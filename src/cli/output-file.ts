import { access, constants, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { errnoOf } from "../base/errors.ts";
import { cliErrors } from "./errors.ts";

/** Raises `cli.output_unwritable` now, rather than after the work whose result was to be written there. */
export async function checkWritable(path: string | undefined, directory: string): Promise<void> {
  if (path === undefined) return;
  await unwritable(path, () => access(dirname(resolve(directory, path)), constants.W_OK | constants.X_OK));
}

/** Writes a file so that others see the old one or the whole new one: temporary name, fsync, rename. Raises `cli.output_unwritable`. */
export async function writeAtomically(
  path: string,
  pieces: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const temporary = join(dirname(path), `.dist-${process.pid}-${crypto.randomUUID()}.tmp`);
  try {
    const handle = await unwritable(path, () => open(temporary, "wx"));
    try {
      for await (const piece of pieces) await unwritable(path, () => handle.appendFile(piece));
      await unwritable(path, () => handle.sync());
    } finally {
      await handle.close();
    }
    await unwritable(path, () => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Makes a directory that downloads go to. Raises `cli.output_unwritable`. */
export async function makeDirectory(path: string): Promise<void> {
  await unwritable(path, () => mkdir(path, { recursive: true }));
}

/** Runs a file operation; what the system refuses becomes `cli.output_unwritable`. */
export async function unwritable<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw cliErrors.error(
      "cli.output_unwritable",
      `${path} cannot be written (${errnoOf(error) ?? String(error)}).`,
      {
        details: { path },
        cause: error,
      },
    );
  }
}
