import { lstat, mkdir } from "node:fs/promises";
import { dirname, join, sep } from "node:path";

import { DistError, errnoOf } from "../base/errors.ts";
import { checkPath } from "../registry/packages/package-rules.ts";
import { cliErrors } from "./errors.ts";
import { unwritable } from "./output-file.ts";

/**
 * The places of a package's files below a directory. Their paths come from a server, which may be anybody's: none leaves the directory,
 * and none goes through a link that stands in it.
 */
export class PackagePlaces {
  readonly #root: string;
  /** Known to be directories. */
  readonly #made = new Set<string>();

  constructor(root: string) {
    this.#root = root;
    this.#made.add(root);
  }

  /** Where a file goes; the directories above it are made. Raises `cli.unsafe_path`, `cli.output_unwritable`. */
  async place(path: string): Promise<string> {
    if (!isLogicalPath(path)) throw unsafe(path, "it is no path in a package");
    const place = join(this.#root, ...path.split("/"));
    // What the system takes for a separator or a drive besides the slash.
    if (!place.startsWith(this.#root.endsWith(sep) ? this.#root : this.#root + sep)) {
      throw unsafe(path, "it leaves the directory");
    }
    await this.#makeAbove(path, place);
    return place;
  }

  async #makeAbove(path: string, place: string): Promise<void> {
    const above = dirname(place);
    if (this.#made.has(above)) return;
    await this.#makeAbove(path, above);
    try {
      await mkdir(above);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") await unwritable(above, () => Promise.reject(error));
      // lstat: a link to a directory is not one.
      if (!(await lstat(above)).isDirectory()) throw unsafe(path, `${above} is not a directory`);
    }
    this.#made.add(above);
  }
}

function isLogicalPath(path: string): boolean {
  try {
    return checkPath(path) === path;
  } catch (error) {
    if (error instanceof DistError) return false;
    throw error;
  }
}

function unsafe(path: string, why: string): Error {
  return cliErrors.error("cli.unsafe_path", `${JSON.stringify(path)} cannot be written: ${why}.`, {
    details: { path },
  });
}
