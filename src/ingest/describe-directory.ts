import { basename, resolve } from "node:path";

import type { JsonObject } from "../log/events.ts";
import { type GuideBoardFacts, readGuideBoardRun } from "./guide-board/guide-board-run.ts";
import type { IngestProfile } from "./profiles.ts";
import type { ScannedDirectory } from "./scan-directory.ts";

/** What a directory is, before anybody adds to it. */
export interface DirectoryDescription {
  /** Of the package. */
  readonly kind: string;
  readonly profile: IngestProfile | null;
  /** What tells it from others of its kind, beside its files. */
  readonly run: string;
  readonly producer: string | null;
  readonly subject: string | null;
  readonly metadata: JsonObject;
  /** Null for what is no run. */
  readonly facts: GuideBoardFacts | null;
  /** SHA-256 of what was read for it, by path. */
  readonly read: ReadonlyMap<string, string>;
}

/** Raises what the profile's reader raises. */
export async function describeDirectory(
  directory: string,
  scanned: ScannedDirectory,
  { profile, signal }: { profile: IngestProfile | null; signal?: AbortSignal | undefined },
): Promise<DirectoryDescription> {
  const name = basename(resolve(directory));
  if (profile === null) {
    return {
      kind: "directory",
      profile,
      run: name,
      producer: null,
      subject: null,
      metadata: { directory: name },
      facts: null,
      read: new Map(),
    };
  }
  const { facts: said, read } = await readGuideBoardRun(directory, scanned, signal);
  const facts = { ...said, run_id: said.run_id ?? name };
  return {
    kind: "guide-board-run",
    profile,
    run: facts.run_id,
    producer: "guide-board",
    subject: facts.target_profile,
    metadata: { profile, ...withoutNulls(facts) },
    facts,
    read,
  };
}

function withoutNulls(facts: GuideBoardFacts): JsonObject {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null));
}
