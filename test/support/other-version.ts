import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

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
    entryPoints: [
      ...["dist", "distd", "worker"].map((name) => ({
        in: join(directory, `src/main/${name}.ts`),
        out: name,
      })),
      { in: join(directory, "src/inspect/isolate/inspect-worker.ts"), out: "inspect-worker" },
    ],
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
