import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { build } from "esbuild";

/** The programs, and those of their threads. */
const programs = [
  "main/dist",
  "main/distd",
  "main/worker",
  "inspect/isolate/inspect-worker",
  "blob/s3/hash-worker",
] as const;

const root = join(import.meta.dirname, "../..");

/** A change of one source file: what stands there once, and what in its place; without `from` it is added at the end. */
export interface Patch {
  readonly file: string;
  readonly from?: string;
  readonly to: string;
}

/**
 * Builds the program in `directory` from this version's sources with some changes. Resolves to where its programs are. A patch
 * whose text is not there exactly once is a defect of the test.
 */
export async function buildVersion(directory: string, patches: readonly Patch[]): Promise<string> {
  await mkdir(directory);
  await cp(join(root, "src"), join(directory, "src"), { recursive: true });
  await cp(join(root, "package.json"), join(directory, "package.json"));
  await symlink(join(root, "node_modules"), join(directory, "node_modules"));
  for (const { file, from, to } of patches) {
    const path = join(directory, file);
    const text = await readFile(path, "utf8");
    const parts = from === undefined ? [text, ""] : text.split(from);
    if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} of ${from}`);
    await writeFile(path, parts.join(to));
  }
  const main = join(directory, "build/main");
  await build({
    entryPoints: programs.map((path) => ({ in: join(directory, `src/${path}.ts`), out: basename(path) })),
    outdir: main,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node26",
    packages: "external",
    jsx: "automatic",
    jsxImportSource: "hono/jsx",
    logLevel: "warning",
  });
  return main;
}
