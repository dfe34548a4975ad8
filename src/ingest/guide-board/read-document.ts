import { join } from "node:path";

import { sha256Hex } from "../../base/digest.ts";
import { fileSource } from "../../registry/file-source.ts";
import { findKeyProblem } from "../../registry/manifest/key-problems.ts";
import { runErrors } from "../errors.ts";
import type { ScannedFile } from "../scan-directory.ts";

/** A finding list with ten thousand entries has two or three. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;
/** Reading YAML takes three hundred times its size in memory. */
const MAX_YAML_BYTES = 1024 * 1024;

/** What a document of the run says: JSON's values; of YAML every scalar is text as it is written, or null. */
export interface RunDocument {
  /** Its path in the package. */
  readonly file: string;
  readonly value: unknown;
  /** Of the bytes that were read. */
  readonly sha256: string;
}

/**
 * Reads a JSON or YAML document, by its extension. Raises `run.document_too_large`, `run.invalid_document`, and what
 * `fileSource` raises.
 */
export async function readDocument(directory: string, { path, name }: ScannedFile): Promise<RunDocument> {
  const isJson = /\.json$/i.test(path);
  const bytes = await readBounded(join(directory, name), path, isJson ? MAX_JSON_BYTES : MAX_YAML_BYTES);
  const text = decode(bytes, path);
  const value = isJson ? parseJson(text, path) : await parseYaml(text, path);
  return { file: path, value, sha256: sha256Hex(bytes) };
}

async function readBounded(path: string, file: string, limit: number): Promise<Buffer> {
  const source = await fileSource(path, { followLinks: false });
  if (source.sizeBytes > limit) {
    throw runErrors.error(
      "run.document_too_large",
      `${file} has ${source.sizeBytes} bytes; at most ${limit} are read of such a document.`,
      { details: { file, size_bytes: source.sizeBytes, limit } },
    );
  }
  const chunks: Uint8Array[] = [];
  // A chunk is good only until the next one is asked for.
  for await (const chunk of source.open()) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    // The decoder takes a byte order mark away.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalidDocument(file, "is not UTF-8 text", { cause });
  }
}

function parseJson(text: string, file: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidDocument(file, `is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  const problem = findKeyProblem(text);
  if (problem === undefined) return value;
  const what = problem.kind === "duplicate" ? "stands twice" : "cannot be a key";
  throw invalidDocument(file, `is ambiguous: ${problem.path} ${what}`, { line: problem.line });
}

/** Loaded when a run has YAML. */
async function parseYaml(text: string, file: string): Promise<unknown> {
  const { readYaml } = await import("./read-yaml.ts");
  return readYaml(text, file);
}

export function invalidDocument(
  file: string,
  what: string,
  { line, cause }: { line?: number; cause?: unknown } = {},
): Error {
  const at = line === undefined ? "" : ` (line ${line})`;
  return runErrors.error("run.invalid_document", `${file} ${what}${at}.`, {
    details: { file, ...(line !== undefined && { line }) },
    cause,
  });
}
