import { open } from "node:fs/promises";
import { basename, resolve } from "node:path";

import { errnoOf } from "../../base/errors.ts";
import type { Run } from "../command.ts";
import { cliErrors } from "../errors.ts";
import { say } from "../escape.ts";
import { unwritable, writeAtomically } from "../output-file.ts";
import type { init } from "../specs/publish.ts";

/** What stands in a starter until somebody says better. */
const placeholder = { platform: "linux", path: "out/app.tar.gz" };

export const run: Run<typeof init> = async ({ output, directory }, { options }) => {
  const manifest = {
    app: options.app ?? slugOf(basename(resolve(directory))),
    version: options.version,
    channel: options.channel,
    artifacts:
      options.artifact.length === 0
        ? [placeholder]
        : options.artifact.map(([platform, path]) => ({ platform, path })),
  };
  const path = resolve(directory, options.manifest);
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  if (options.force) await writeAtomically(path, [text]);
  else await writeNew(path, options.manifest, text);
  output.result(
    { path, manifest },
    () =>
      say`Wrote ${options.manifest}. Fill in the artifacts, then: dist ci publish --local-store ./store --manifest ${options.manifest}`,
  );
};

async function writeNew(path: string, shown: string, text: string): Promise<void> {
  const handle = await open(path, "wx").catch((error: unknown) => {
    if (errnoOf(error) === "EEXIST") {
      throw cliErrors.error("cli.file_exists", `${shown} is there already.`, {
        details: { path },
        hint: "--force overwrites it.",
      });
    }
    return unwritable(shown, () => Promise.reject(error));
  });
  try {
    await unwritable(shown, () => handle.writeFile(text));
  } finally {
    await handle.close();
  }
}

/** A slug made from a directory's name. */
function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, "");
  return slug === "" ? "app" : slug;
}
