import { constants } from "node:fs";
import { copyFile, type FileHandle, link, lstat, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { errnoOf } from "../base/errors.ts";
import { cliErrors } from "./errors.ts";
import { unwritable } from "./output-file.ts";

/**
 * Makes a file that appears under its name only when `fill` has written it whole. What stands there is replaced only with `force`.
 * Raises `cli.file_exists`, `cli.output_unwritable`, and what `fill` raises.
 */
export async function placeFile(
  path: string,
  { force }: { readonly force: boolean },
  fill: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  if (!force && (await lstat(path).catch(() => undefined)) !== undefined) throw fileExists(path);
  const temporary = join(dirname(path), `.dist-${process.pid}-${crypto.randomUUID()}.part`);
  try {
    const handle = await unwritable(path, () => open(temporary, "wx"));
    try {
      await fill(handle);
      await unwritable(path, () => handle.sync());
    } finally {
      await handle.close();
    }
    if (force) await unwritable(path, () => rename(temporary, path));
    else await placeNew(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Gives the file its name unless another took it meanwhile: linking never replaces. */
async function placeNew(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw fileExists(path);
    // File systems without hard links, as on memory cards.
    await unwritable(path, () => copyFile(temporary, path, constants.COPYFILE_EXCL));
  }
}

function fileExists(path: string): Error {
  return cliErrors.error("cli.file_exists", `${path} is there already, with other bytes.`, {
    details: { path },
    hint: "--force overwrites it; --output names another place.",
  });
}
