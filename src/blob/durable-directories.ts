import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

import { errnoOf } from "../base/errors.ts";

const DIRECTORY_MODE = 0o750;

/**
 * Makes directories whose own names survive a power cut: a file fsynced into a directory is lost with the directory,
 * until the directory's parent is fsynced too.
 */
export class DurableDirectories {
  /** Those whose parent this process has fsynced while they stood there. */
  readonly #durable = new Set<string>();

  /** Opens a directory for `sync()`, made first when missing. Its parent exists. The caller closes it. */
  async open(path: string): Promise<FileHandle> {
    const made = await makeDirectory(path);
    // One that stands there already may have been made a moment ago by a process that has not fsynced its parent yet.
    if (made || !this.#durable.has(path)) {
      await using parent = await openDirectory(dirname(path));
      await parent.sync();
      this.#durable.add(path);
    }
    return openDirectory(path);
  }
}

/** Opens an existing directory for `sync()`; a symbolic link is refused. */
export function openDirectory(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}
