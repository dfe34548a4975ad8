import { glob, open, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";

import { DistError, errnoOf, hasCode } from "../base/errors.ts";
import {
  type DistManifest,
  type ManifestArtifact,
  manifestTooLarge,
  maxManifestBytes,
  parseManifest,
} from "../registry/manifest/dist-manifest.ts";
import { manifestErrors } from "../registry/manifest/errors.ts";
import type { Arch, Platform } from "../registry/manifest/vocabulary.ts";
import { type FileSource, fileSource } from "../registry/file-source.ts";

/** Of the files that an ambiguous pattern matches, this many are named. */
const namedMatches = 10;

/** A manifest with the place that its paths are relative to. */
export interface LoadedManifest {
  readonly manifest: DistManifest;
  readonly directory: string;
}

/** An artifact of a manifest with the file it names. */
export interface ResolvedArtifact {
  readonly declared: ManifestArtifact;
  /** `artifacts[0]`. */
  readonly place: string;
  readonly filename: string;
  readonly source: FileSource;
}

/** Reads a `dist.json`. Raises `manifest.*`. */
export async function loadManifest(path: string, directory: string): Promise<LoadedManifest> {
  const absolute = resolve(directory, path);
  const text = await readText(absolute, path);
  return { manifest: parseManifest(text, path), directory: dirname(absolute) };
}

/** Finds every file before any is sent. Raises `manifest.file_not_found`, `manifest.glob_ambiguous`, `validation.file_unreadable`. */
export async function resolveArtifacts({ manifest, directory }: LoadedManifest): Promise<ResolvedArtifact[]> {
  const resolved: ResolvedArtifact[] = [];
  for (const [index, declared] of manifest.artifacts.entries()) {
    const place = `artifacts[${index}]`;
    const path = await resolvePath(declared.path, directory, `${place}.path`);
    const source = await fileSource(path).catch((error: unknown) => {
      throw hasCode(error, "validation.file_not_found")
        ? fileNotFound(declared.path, `${place}.path`)
        : error;
    });
    resolved.push({ declared, place, filename: declared.filename ?? basename(path), source });
  }
  return resolved;
}

/** What `checkPublish` asks about artifacts. */
export function kindsOf(artifacts: readonly ResolvedArtifact[]): { platform: Platform; arch?: Arch }[] {
  return artifacts.map(({ declared: { platform, arch } }) => ({
    platform,
    ...(arch !== undefined && { arch }),
  }));
}

/** A path that exists is never a pattern, so `app[1].apk` names itself. */
async function resolvePath(path: string, directory: string, place: string): Promise<string> {
  const literal = resolve(directory, path);
  if (!/[*?[\]{}!()]/.test(path) || (await exists(literal))) return literal;
  const matches: string[] = [];
  for await (const match of glob(path, { cwd: directory })) {
    const absolute = resolve(directory, match);
    if ((await stat(absolute).catch(() => undefined))?.isFile()) matches.push(absolute);
  }
  const [only] = matches;
  if (only === undefined) throw fileNotFound(path, place);
  if (matches.length > 1) {
    throw manifestErrors.error(
      "manifest.glob_ambiguous",
      `${path} matches ${matches.length} files; it must match one.`,
      {
        details: { path: place, pattern: path, matches: matches.toSorted().slice(0, namedMatches) },
        hint: "Narrow the pattern, or remove what an earlier build left behind.",
      },
    );
  }
  return only;
}

async function readText(absolute: string, path: string): Promise<string> {
  const details = { path: "", manifest: path };
  try {
    const handle = await open(absolute);
    try {
      // One byte more than allowed tells too large, whatever kind of file this is.
      const buffer = Buffer.alloc(maxManifestBytes + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
        length += bytesRead;
        if (bytesRead === 0 || length === buffer.length) break;
      }
      if (length > maxManifestBytes) throw manifestTooLarge(path);
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, length));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof DistError) throw error;
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") {
      throw manifestErrors.error("manifest.not_found", `There is no manifest at ${path}.`, {
        details,
        hint: "dist init writes one; --manifest FILE names another.",
        cause: error,
      });
    }
    if (errno === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw manifestErrors.error("manifest.invalid_json", `${path} is not UTF-8 text.`, {
        details,
        cause: error,
      });
    }
    throw manifestErrors.error("manifest.unreadable", `${path} cannot be read (${errno ?? String(error)}).`, {
      details,
      cause: error,
    });
  }
}

function fileNotFound(path: string, place: string): DistError {
  return manifestErrors.error(
    "manifest.file_not_found",
    `${place} names ${path}, and there is no such file.`,
    {
      details: { path: place, file: path },
      hint: "Paths are relative to the manifest. Did the build run?",
    },
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
