import type { Identity } from "../../inspect/inspection.ts";
import type { ArtifactRecord } from "../records/releases.ts";

/** What inspection recorded of an artifact: its facts, of which these are read here, and its identity. */
export interface Inspected {
  readonly identity?: Identity;
  readonly min_os?: unknown;
  readonly permissions?: unknown;
}

/** Reads `metadata.inspection`; nothing of an artifact from before anything looked inside. */
export function inspectedOf({ metadata }: Pick<ArtifactRecord, "metadata">): Inspected {
  return (metadata["inspection"] ?? {}) as Inspected;
}
