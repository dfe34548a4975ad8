import { basename, resolve } from "node:path";

import { packageErrors } from "../../registry/errors.ts";
import { type FileSource, fileSource } from "../../registry/file-source.ts";
import { checkPath, MAX_FILES_A_REQUEST } from "../../registry/packages/package-rules.ts";
import type { UploadedObject } from "../../registry/records/objects.ts";
import type { PackageFileRecord } from "../../registry/records/packages.ts";
import type { Registry } from "../../registry/registry.ts";
import { withResends } from "../../registry/with-resends.ts";
import type { InputOf, Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { cliErrors } from "../errors.ts";
import { say } from "../escape.ts";
import { given } from "../given.ts";
import { filesText } from "../package-views.ts";
import type { packageAdd } from "../specs/package.ts";
import { uploadAll } from "../upload.ts";

type Input = InputOf<typeof packageAdd>;

/** A file on this machine, and where it goes. */
interface PlacedFile {
  readonly path: string;
  readonly source: FileSource;
}

export const run: Run<typeof packageAdd> = async (context, { args, options }) => {
  const files = await placeFiles(args.file, options.path, context.directory);
  const registry = await context.registry();
  await requireOpen(registry, args.package);
  const added: PackageFileRecord[] = [];
  for (let start = 0; start < files.length; start += MAX_FILES_A_REQUEST) {
    const batch = files.slice(start, start + MAX_FILES_A_REQUEST);
    added.push(...(await addBatch(context, registry, args.package, batch, options)));
  }
  context.output.result(added, () => filesText(added));
};

async function addBatch(
  context: CommandContext,
  registry: Registry,
  id: string,
  files: readonly PlacedFile[],
  { mediaType, replace }: Input["options"],
): Promise<readonly PackageFileRecord[]> {
  const send = (some: readonly PlacedFile[]): Promise<readonly UploadedObject[]> =>
    uploadAll(
      context,
      registry,
      some.map(({ source }) => source),
    );
  const stored = await send(files);
  context.signal.throwIfAborted();
  return withResends(
    () => {
      const requests = files.map(({ path }, index) => ({
        path,
        sha256: stored[index]!.sha256,
        ...given("media_type", mediaType),
      }));
      return registry.addPackageFiles(id, requests, { replace });
    },
    async (missing) => {
      const again = files.filter((_, index) => missing.has(stored[index]!.sha256));
      // The same objects as before, or their digests would not be the missing ones.
      await send(again);
    },
  );
}

/** Refuses before any byte is sent what could not be added anyway. */
async function requireOpen(registry: Registry, id: string): Promise<void> {
  const { status } = await registry.getPackage(id);
  if (status === "created" || status === "uploading") return;
  throw packageErrors.error("package.not_open", say`${id} is ${status}: its files do not change any more.`, {
    details: { package: id, status },
  });
}

async function placeFiles(
  names: readonly string[],
  path: string | undefined,
  directory: string,
): Promise<readonly PlacedFile[]> {
  if (path !== undefined && names.length > 1) {
    throw cliErrors.error("usage.conflicting_options", "--path is for one file; several were named.");
  }
  const files = new Map<string, PlacedFile & { readonly name: string }>();
  for (const name of names) {
    const place = checkPath(path ?? basename(name));
    const other = files.get(place);
    if (other !== undefined) throw samePlace(place, other.name, name);
    files.set(place, { name, path: place, source: await fileSource(resolve(directory, name)) });
  }
  return [...files.values()];
}

function samePlace(path: string, one: string, other: string): Error {
  return packageErrors.error("package.duplicate_path", `${one} and ${other} would both be ${path}.`, {
    details: { path },
    hint: "Add them one by one, each with its --path.",
  });
}
