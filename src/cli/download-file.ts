import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, type FileHandle, link, lstat, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { errnoOf } from "../base/errors.ts";
import type { Registry } from "../registry/registry.ts";
import type { ArtifactRecord } from "../registry/records.ts";
import type { CommandContext } from "./context.ts";
import { cliErrors } from "./errors.ts";
import { unwritable } from "./output-file.ts";

/**
 * Fetches one artifact to `path`, which appears only when the bytes are whole and have the right digest. What stands there is kept, and the same
 * bytes are not fetched again; other bytes are replaced only with `force`.
 * Raises `cli.file_exists`, `cli.download_corrupt`, `cli.output_unwritable`, and what reading the object raises.
 */
export async function downloadFile(
  { output, signal }: CommandContext,
  registry: Registry,
  artifact: ArtifactRecord,
  path: string,
  { force }: { force: boolean },
): Promise<void> {
  if (await hasSameBytes(path, artifact)) return;
  if (!force && (await lstat(path).catch(() => undefined)) !== undefined) throw fileExists(path);
  const temporary = join(dirname(path), `.dist-${process.pid}-${crypto.randomUUID()}.part`);
  const progress = output.progress(artifact.filename, artifact.size_bytes);
  try {
    const object = await registry.openObject(artifact.sha256, { artifact: artifact.id });
    const source = await object.read();
    const handle = await unwritable(path, () => open(temporary, "wx"));
    try {
      await receive(source, handle, { path, artifact, signal, onBytes: (bytes) => progress.update(bytes) });
      await unwritable(path, () => handle.sync());
    } finally {
      await handle.close();
    }
    if (force) await unwritable(path, () => rename(temporary, path));
    else await placeNew(temporary, path);
  } finally {
    progress.end();
    await rm(temporary, { force: true });
  }
}

async function receive(
  source: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  options: {
    path: string;
    artifact: ArtifactRecord;
    signal: AbortSignal;
    onBytes: (bytes: number) => void;
  },
): Promise<void> {
  const { path, artifact, signal, onBytes } = options;
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of source) {
    signal.throwIfAborted();
    bytes += chunk.length;
    // A source that never ends would fill the disk.
    if (bytes > artifact.size_bytes) break;
    hash.update(chunk);
    await unwritable(path, () => handle.appendFile(chunk));
    onBytes(bytes);
  }
  if (bytes === artifact.size_bytes && hash.digest("hex") === artifact.sha256) return;
  throw cliErrors.error(
    "cli.download_corrupt",
    `The bytes of ${artifact.filename} are not those that the release names.`,
    {
      details: { artifact: artifact.id, sha256: artifact.sha256, size: artifact.size_bytes, received: bytes },
      hint: "dist store verify tells what is damaged.",
    },
  );
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

async function hasSameBytes(path: string, artifact: ArtifactRecord): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats?.isFile() || stats.size !== artifact.size_bytes) return false;
  const handle = await open(path).catch(() => undefined);
  if (handle === undefined) return false;
  const hash: Hash = createHash("sha256");
  for await (const chunk of handle.createReadStream()) hash.update(chunk as Uint8Array);
  return hash.digest("hex") === artifact.sha256;
}

function fileExists(path: string): Error {
  return cliErrors.error("cli.file_exists", `${path} is there already, with other bytes.`, {
    details: { path },
    hint: "--force overwrites it; --output names another place.",
  });
}
