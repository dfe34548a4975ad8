import type { ReleaseRef } from "../registry/records/releases.ts";
import { cliErrors } from "./errors.ts";
import { loadManifest } from "./read-manifest.ts";

interface HeadOptions {
  readonly manifest: string | undefined;
  readonly app: string | undefined;
  readonly version: string | undefined;
  readonly build: string | undefined;
}

/** What a version is called, and what its manifest says besides. */
export interface NamedRelease {
  readonly app: string;
  readonly version: string;
  readonly build: string | undefined;
  readonly display_name?: string | undefined;
  readonly channel?: string | null | undefined;
  readonly notes?: string | undefined;
}

/** The version that `--manifest`, `--app`, `--version` and `--build` name. Raises `usage.missing_option`, `manifest.*`. */
export async function namedRelease(options: HeadOptions, directory: string): Promise<NamedRelease> {
  const { app, version, build } = options;
  if (options.manifest !== undefined) {
    const { manifest } = await loadManifest(options.manifest, directory);
    return {
      ...manifest,
      app: app ?? manifest.app,
      version: version ?? manifest.version,
      build: build ?? manifest.build,
    };
  }
  if (app === undefined || version === undefined) {
    throw cliErrors.error("usage.missing_option", "Give --manifest FILE, or --app SLUG and --version V.");
  }
  return { app, version, build };
}

/**
 * How the registry finds it. No build is the build `""`, so that a version published before with a build is not mistaken for this one.
 */
export function refOf({ version, build }: NamedRelease): ReleaseRef {
  return { release: version, build: build ?? "" };
}

/** The release that an argument and `--build` name. */
export function releaseRef(release: string, build: string | undefined): ReleaseRef {
  return { release, ...(build !== undefined && { build }) };
}
