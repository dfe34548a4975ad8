import { readFileSync } from "node:fs";
import type { JsonValue } from "../jcs.ts";

/** The vectors in `rfc8949-appendix-a.json` and `canonical-cbor.json`. */
export interface CborVectors {
  accepted: { hex: string; diagnostic: string; json: JsonValue }[];
  refused: { hex: string; diagnostic: string; why: string }[];
}

/** The vectors in `rfc8785.json`. */
export interface JcsVectors {
  numbers: { ieee754: string; json: string | null }[];
  values: { input: string; canonical: string }[];
}

/** The vectors in `blake3.json`. */
export interface Blake3Vectors {
  vectors: { sizeBytes: number; blake3: string }[];
}

/** Reads a file of this folder. Not an import: a bundler would lose the key `__proto__`. */
export function readVectors<T extends CborVectors | JcsVectors | Blake3Vectors>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as T;
}
