import type { Dirent, Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf } from "../base/errors.ts";
import type { BlobEntry, StagingEntry } from "./blob-store.ts";
import { readError } from "./errors.ts";
import { isUploadId, sha256OfName } from "./checks.ts";

const OBJECT_FOLDER = /^[0-9a-f]{2}$/;

/** Everything under `objectsPath` in key order, one folder in memory at a time. A missing directory is empty. */
export async function* listObjects(objectsPath: string): AsyncGenerator<BlobEntry> {
  // Below an object folder the keys go on with a slash, which decides their order.
  const keyName = (entry: Dirent): string => (isObjectFolder(entry) ? `${entry.name}/` : entry.name);
  for (const entry of await entriesOf(objectsPath, keyName)) {
    if (isObjectFolder(entry)) {
      yield* await listFolder(objectsPath, entry.name);
    } else {
      yield await stray(objectsPath, entry.name, `objects/${entry.name}`);
    }
  }
}

/** The uploads under `stagingPath` in name order. Names no upload can have were put there by others: left out. */
export async function* listStagingFiles(stagingPath: string): AsyncGenerator<StagingEntry> {
  for (const { name } of await entriesOf(stagingPath)) {
    const stats = isUploadId(name) ? await statsOf(join(stagingPath, name)) : null;
    if (stats?.isFile() !== true) continue;
    yield { uploadId: name, sizeBytes: stats.size, modifiedAtMs: Math.floor(stats.mtimeMs) };
  }
}

async function listFolder(objectsPath: string, folder: string): Promise<BlobEntry[]> {
  const path = join(objectsPath, folder);
  const entries = (await entriesOf(path)).map(async ({ name }): Promise<BlobEntry | null> => {
    const key = `objects/${folder}/${name}`;
    const sha256 = sha256OfName(folder, name);
    if (sha256 === null) return stray(path, name, key);
    const stats = await statsOf(join(path, name));
    // Removed since the folder was read.
    if (stats === null) return null;
    return { key, sha256: stats.isFile() ? sha256 : null, sizeBytes: stats.isFile() ? stats.size : 0 };
  });
  return (await Promise.all(entries)).filter((entry) => entry !== null);
}

/** Reported even when it cannot be looked at, as for a name that is not UTF-8. Only a regular file has a size. */
async function stray(path: string, name: string, key: string): Promise<BlobEntry> {
  const stats = await statsOf(join(path, name));
  return { key, sha256: null, sizeBytes: stats?.isFile() === true ? stats.size : 0 };
}

function isObjectFolder(entry: Dirent): boolean {
  return entry.isDirectory() && OBJECT_FOLDER.test(entry.name);
}

async function entriesOf(path: string, sortName = (entry: Dirent): string => entry.name): Promise<Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (sortName(a) < sortName(b) ? -1 : 1));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw readError("list a store's directory", error);
  }
}

async function statsOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw readError("look at a store's file", error);
  }
}
