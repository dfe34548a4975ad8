import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cache = join(root, "node_modules", ".cache", "dist-test");

/**
 * A file of a package in `package-lock.json` that npm does not install here because it is for another system: real programs of Windows
 * and macOS. It is fetched from the registry once, by the version and digest of the lock file; answers its path.
 */
export async function registryFile(name: string, path: string): Promise<string> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const { version, integrity } = lock.packages[`node_modules/${name}`]!;
  const directory = join(cache, `${name}-${version}`);
  const file = join(directory, "package", path);
  if (await stat(file).catch(() => undefined)) return file;
  await mkdir(cache, { recursive: true });
  const fetched = await mkdtemp(`${directory}-`);
  try {
    const { stdout } = await run("npm", ["pack", `${name}@${version}`, "--json"], { cwd: fetched });
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    const archive = await readFile(join(fetched, filename));
    const digest = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
    if (digest !== integrity) throw new Error(`${name} ${version} is not what the lock file names.`);
    await run("tar", ["-xzf", filename], { cwd: fetched });
    // Another worker may have been faster.
    await rename(fetched, directory).catch(() => undefined);
  } finally {
    await rm(fetched, { recursive: true, force: true });
  }
  return file;
}
