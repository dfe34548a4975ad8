import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

import { forEachAtMost } from "../../base/async.ts";
import { naturalBytes } from "../../base/text.ts";
import { MAX_PAGE_LIMIT } from "../../registry/paging.ts";
import type { ArchiveFormat, PackageFileRecord, PackageRecord } from "../../registry/records/packages.ts";
import type { Registry } from "../../registry/registry.ts";
import type { InputOf, Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { downloadFile } from "../download-file.ts";
import { downloadNames } from "../download-names.ts";
import { cliErrors } from "../errors.ts";
import { counted, say } from "../escape.ts";
import { checkWritable, makeDirectory, unwritable } from "../output-file.ts";
import { PackagePlaces } from "../package-places.ts";
import { placeFile } from "../place-file.ts";
import type { packageDownload } from "../specs/package.ts";
import { refuseBytesOnScreen } from "../standard-output.ts";

type Options = InputOf<typeof packageDownload>["options"];

/** Small files take longer to ask for than to receive. */
const MAX_DOWNLOADS_AT_ONCE = 8;

/** A file of the package, and where it stands on this machine now. */
interface Downloaded {
  readonly path: string;
  readonly file: string;
}

export const run: Run<typeof packageDownload> = async (context, { args, options }) => {
  const { path, format } = options;
  if (path !== undefined && format !== undefined) {
    throw cliErrors.error("usage.conflicting_options", "--path is for one file, --format for all of them.");
  }
  if (format !== undefined) return downloadArchive(context, args.package, format, options);
  const registry = await context.registry();
  const record = await registry.getPackage(args.package);
  const downloaded =
    path === undefined
      ? await downloadAll(context, registry, record, options)
      : [await downloadOne(context, registry, record.id, path, options)];
  context.output.result({ ...record, downloaded }, () => downloadedText(record, downloaded, options));
  return undefined;
};

async function downloadAll(
  { output, signal, directory }: CommandContext,
  registry: Registry,
  record: PackageRecord,
  { output: target, force }: Options,
): Promise<readonly Downloaded[]> {
  const root = resolve(directory, target ?? record.id);
  await makeDirectory(root);
  const places = new PackagePlaces(root);
  const progress = output.progress(record.id, record.size_bytes);
  const downloaded: Downloaded[] = [];
  let receivedBytes = 0;
  const fetchFile = async (entry: PackageFileRecord, stop: AbortSignal): Promise<void> => {
    const { path, sha256, size_bytes } = entry;
    const file = await places.place(path);
    let reached = 0;
    await downloadFile(
      { name: path, sha256, size_bytes, open: () => registry.openPackageFile(record.id, path) },
      file,
      {
        force,
        signal: stop,
        onProgress: (bytes) => {
          receivedBytes += bytes - reached;
          reached = bytes;
          progress.update(receivedBytes);
        },
      },
    );
    downloaded.push({ path, file });
  };
  try {
    await forEachAtMost(MAX_DOWNLOADS_AT_ONCE, everyFile(registry, record.id), signal, fetchFile);
  } finally {
    progress.end();
  }
  return downloaded.toSorted((one, other) => Buffer.compare(Buffer.from(one.path), Buffer.from(other.path)));
}

async function* everyFile(registry: Registry, id: string): AsyncGenerator<PackageFileRecord> {
  let after: string | null = null;
  do {
    const page = await registry.listPackageFiles(id, {
      limit: MAX_PAGE_LIMIT,
      ...(after !== null && { after }),
    });
    yield* page.items;
    after = page.next;
  } while (after !== null);
}

async function downloadOne(
  { output, signal, directory }: CommandContext,
  registry: Registry,
  id: string,
  path: string,
  { output: target, force }: Options,
): Promise<Downloaded> {
  const object = await registry.openPackageFile(id, path);
  const { sha256, size_bytes } = object;
  const file = await onePlace(path, sha256, resolve(directory, target ?? "."), target);
  const progress = output.progress(path, size_bytes);
  try {
    await downloadFile({ name: path, sha256, size_bytes, open: async () => object }, file, {
      force,
      signal,
      onProgress: (bytes) => progress.update(bytes),
    });
  } finally {
    progress.end();
  }
  return { path, file };
}

/** A file may be named; in a directory it gets its own name, where that is one. */
async function onePlace(
  path: string,
  sha256: string,
  target: string,
  given: string | undefined,
): Promise<string> {
  const isDirectory = (await stat(target).catch(() => undefined))?.isDirectory() === true;
  if (!isDirectory && !given?.endsWith("/")) return target;
  await makeDirectory(target);
  const named = { platform: "", arch: "", format: "", filename: basename(path), sha256 };
  return join(target, downloadNames([named])[0] ?? sha256);
}

async function downloadArchive(
  context: CommandContext,
  id: string,
  format: ArchiveFormat,
  { output: target, force }: Options,
): Promise<void> {
  const { output, directory, signal } = context;
  if (target === undefined) refuseBytesOnScreen(output, "archive");
  await checkWritable(target, directory);
  const registry = await context.registry();
  const record = await registry.getPackage(id);
  const { stream } = await registry.openPackageArchive(id, format);
  const progress = output.progress(`${record.id}.${format}`, null);
  let bytes = 0;
  const pieces = watched(stream as AsyncIterable<Uint8Array>, signal, (count) => {
    bytes += count;
    progress.update(bytes);
  });
  try {
    if (target === undefined) {
      await output.document(pieces);
      return;
    }
    const file = resolve(directory, target);
    await placeFile(file, { force }, async (handle) => {
      for await (const piece of pieces) await unwritable(file, () => handle.appendFile(piece));
    });
    output.result(
      { ...record, archive: { format, file, bytes } },
      () =>
        say`Wrote ${counted(record.file_count, "file")} of ${record.id} to ${file}, ${naturalBytes(bytes)}.`,
    );
  } finally {
    progress.end();
    stream.destroy();
  }
}

async function* watched(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    signal.throwIfAborted();
    count(piece.length);
    yield piece;
  }
}

function downloadedText(
  record: PackageRecord,
  downloaded: readonly Downloaded[],
  { output: target }: Options,
): string {
  const [only] = downloaded;
  if (only !== undefined && downloaded.length === 1)
    return say`${only.path} of ${record.id} is ${only.file}.`;
  return say`${counted(downloaded.length, "file")} of ${record.id}, ${naturalBytes(record.size_bytes)}, stand in ${target ?? record.id}.`;
}
