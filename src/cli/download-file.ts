import { createHash } from "node:crypto";
import { type FileHandle, lstat, open } from "node:fs/promises";

import { readFileChunks } from "../base/files.ts";
import type { OpenedObject } from "../registry/records/objects.ts";
import { cliErrors } from "./errors.ts";
import { unwritable } from "./output-file.ts";
import { placeFile } from "./place-file.ts";

/** What is to be fetched. */
export interface WantedFile {
  /** What people know it by. */
  readonly name: string;
  readonly sha256: string;
  readonly size_bytes: number;
  open(): Promise<Pick<OpenedObject, "read">>;
}

/**
 * Fetches one file to `path`, which appears only when the bytes are whole and have the right digest. What stands there is kept, and the same
 * bytes are not fetched again; other bytes are replaced only with `force`.
 * Raises `cli.file_exists`, `cli.download_corrupt`, `cli.output_unwritable`, and what reading the object raises.
 */
export async function downloadFile(
  wanted: WantedFile,
  path: string,
  options: {
    readonly force: boolean;
    readonly signal: AbortSignal;
    /** Told how many bytes of it are here. */
    readonly onProgress: (bytes: number) => void;
  },
): Promise<void> {
  if (await hasSameBytes(path, wanted)) {
    options.onProgress(wanted.size_bytes);
    return;
  }
  await placeFile(path, options, async (handle) => {
    const object = await wanted.open();
    await receive(await object.read(), handle, { path, wanted, ...options });
  });
}

async function receive(
  source: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  options: {
    path: string;
    wanted: WantedFile;
    signal: AbortSignal;
    onProgress: (bytes: number) => void;
  },
): Promise<void> {
  const { path, wanted, signal, onProgress } = options;
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of source) {
    signal.throwIfAborted();
    bytes += chunk.length;
    // A source that never ends would fill the disk.
    if (bytes > wanted.size_bytes) break;
    hash.update(chunk);
    await unwritable(path, () => handle.appendFile(chunk));
    onProgress(bytes);
  }
  if (bytes === wanted.size_bytes && hash.digest("hex") === wanted.sha256) return;
  throw cliErrors.error(
    "cli.download_corrupt",
    `The bytes of ${wanted.name} are not those that the store names.`,
    {
      details: { name: wanted.name, sha256: wanted.sha256, size: wanted.size_bytes, received: bytes },
      hint: "dist store verify tells what is damaged.",
    },
  );
}

async function hasSameBytes(path: string, wanted: WantedFile): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isFile() || stats.size !== wanted.size_bytes) return false;
  const handle = await open(path).catch(() => undefined);
  if (handle === undefined) return false;
  try {
    const hash = createHash("sha256");
    for await (const chunk of readFileChunks(handle)) hash.update(chunk);
    return hash.digest("hex") === wanted.sha256;
  } finally {
    await handle.close();
  }
}
