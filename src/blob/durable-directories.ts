import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

import { errnoOf } from "../base/errors.ts";

const DIRECTORY_MODE = 0o750;

/**
 * Makes directories below a root whose own names survive a power cut: a file fsynced into a directory is lost with the
 * directory, until the directory's parent is fsynced too.
 */
export class DurableDirectories {
  readonly #root: string;
  /** Those whose parent this process has fsynced while they stood there. */
  readonly #durable = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Opens a directory for `sync()`, made first when missing, like those above it up to the root. The caller closes it. */
  async open(path: string): Promise<FileHandle> {
    if (path === this.#root) return openDirectory(path);
    if (this.#durable.has(path)) {
      const handle = await openDirectoryIfPresent(path);
      if (handle !== null) return handle;
    }
    await using parent = await this.open(dirname(path));
    await makeIfMissing(path);
    // One that stood there already may have been made a moment ago by a process that has not come to this fsync yet.
    await parent.sync();
    this.#durable.add(path);
    // Awaited here: the parent closes before the promise is handed on, and a rejection in between would end the process.
    return await openDirectory(path);
  }
}

/** Opens a directory for `sync()`; null when it is missing. The caller closes it. */
export async function openDirectoryIfPresent(path: string): Promise<FileHandle | null> {
  try {
    return await openDirectory(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}

function openDirectory(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

async function makeIfMissing(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}
