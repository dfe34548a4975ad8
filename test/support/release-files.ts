import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tarGzBytes } from "./test-store.ts";

/** A dist.json of one Linux archive and what else the test says. */
export interface ReleaseFiles {
  readonly app?: string;
  readonly version: string;
  readonly build?: string;
  readonly channel?: string;
  readonly notes?: string;
  /** The archive's bytes; some of its own for every version when absent. */
  readonly bytes?: Uint8Array;
}

/** Writes an archive and the dist.json that names it; answers the manifest's path. */
export async function writeRelease(directory: string, release: ReleaseFiles): Promise<string> {
  const { bytes, ...head } = { app: "acme", ...release };
  const name = `${head.app}-${head.version}.tar.gz`;
  await writeFile(join(directory, name), bytes ?? tarGzBytes(`${head.app} ${head.version}`));
  const manifest = join(directory, `${head.app}-${head.version}.json`);
  await writeFile(manifest, JSON.stringify({ ...head, artifacts: [{ platform: "linux", path: name }] }));
  return manifest;
}
