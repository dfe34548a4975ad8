import { createHash } from "node:crypto";

import { encodeCanonical } from "../base/cbor.ts";
import { sha256Hex } from "../base/digest.ts";
import type { HashedFile } from "./hash-files.ts";

/** What makes two ingests one. */
export interface IngestIdentity {
  readonly profile: string | null;
  /** The run's id; the directory's name for what is no run. */
  readonly run: string;
  readonly producer: string | null;
  readonly subject: string | null;
  /** In bytewise order of their paths. */
  readonly files: readonly Pick<HashedFile, "path" | "sha256" | "blake3" | "sizeBytes">[];
}

/** The key of the package: the same for the same run, files and words about it, whoever ingests it and from wherever. */
export function ingestKey({ profile, run, producer, subject, files }: IngestIdentity): string {
  const digest = filesDigest(files);
  return `ingest:v1:${sha256Hex(encodeCanonical({ profile, run, producer, subject, files: digest }))}`;
}

/** SHA-256 over a line for each file. A path has no line feed, so no two lists make the same lines. */
function filesDigest(files: IngestIdentity["files"]): string {
  const hasher = createHash("sha256");
  for (const { path, sha256, blake3, sizeBytes } of files) {
    hasher.update(`${sha256} ${blake3} ${sizeBytes} ${path}\n`);
  }
  return hasher.digest("hex");
}
