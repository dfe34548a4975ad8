import { type CanonicalValue, MAX_DEPTH } from "../../base/canonical-value.ts";
import { decodeCanonical } from "../../base/cbor.ts";
import { fromTimestamp, toTimestamp } from "../../base/clock.ts";
import { isSha256Hex, sha256Hex } from "../../base/digest.ts";
import { DistError } from "../../base/errors.ts";
import { isId } from "../../base/ids.ts";
import type { JsonObject, PackageFileEntry } from "../../log/events.ts";
import { packageErrors } from "../errors.ts";
import { encodeManifest, MANIFEST_SCHEMA, type ManifestInput } from "../package-manifest.ts";
import { checkPath } from "./package-rules.ts";

/** 100,000 files with the longest paths, in JSON. A larger file is no manifest. */
export const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;

const DIGEST_BYTES = 32;

const manifestKeys = [
  "schema",
  "package_id",
  "kind",
  "created_at",
  "finalized_at",
  "producer",
  "subject",
  "metadata",
  "retention_class",
  "files",
];
const fileKeys = ["path", "size", "media_type", "digests"];
const digestKeys = ["sha256", "blake3"];

/** A manifest that was read, with the SHA-256 of its canonical CBOR, which names it. */
export interface ReadManifest {
  readonly manifest: ManifestInput;
  readonly sha256: string;
}

type Value = CanonicalValue | undefined;
type Members = { readonly [key: string]: CanonicalValue };

/** A digest in hexadecimal; undefined for anything else. Bytes in CBOR, text in JSON. */
type ReadDigest = (value: Value) => string | undefined;

/**
 * Reads a manifest, as canonical CBOR or as its JSON projection, however that is spaced and its keys are ordered: what counts is the value.
 * Every rule of docs/formats/manifest.md is checked. Raises `package.invalid_manifest`; `details.path` is a JSON Pointer to what breaks the rule.
 */
export function readManifest(bytes: Uint8Array): ReadManifest {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) throw invalid("", `is larger than ${MAX_MANIFEST_BYTES} bytes`);
  if (looksLikeJson(bytes)) {
    const manifest = checkManifest(parseJson(bytes), digestText);
    return { manifest, sha256: sha256Hex(encoded(manifest)) };
  }
  return { manifest: checkManifest(decode(bytes), digestBytes), sha256: sha256Hex(bytes) };
}

/** A map in CBOR begins with another byte than `{`, a space, a tab, a line feed, a carriage return, or U+FEFF in UTF-8. */
function looksLikeJson(bytes: Uint8Array): boolean {
  return [0x7b, 0x20, 0x09, 0x0a, 0x0d, 0xef].includes(bytes[0] ?? 0);
}

function parseJson(bytes: Uint8Array): CanonicalValue {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as CanonicalValue;
  } catch (error) {
    throw invalid("", "is not JSON", error);
  }
}

/** JSON can hold numbers and nesting that the encoding refuses; only metadata is free to. */
function encoded(manifest: ManifestInput): Uint8Array {
  try {
    return encodeManifest(manifest);
  } catch (error) {
    if (!(error instanceof DistError)) throw error;
    throw invalid(String(error.details["path"]), "cannot be written as canonical CBOR", error);
  }
}

function decode(bytes: Uint8Array): CanonicalValue {
  try {
    return decodeCanonical(bytes);
  } catch (error) {
    if (!(error instanceof DistError)) throw error;
    throw invalid("", "is neither JSON nor canonical CBOR", error);
  }
}

function checkManifest(value: Value, readDigest: ReadDigest): ManifestInput {
  const map = members(value, "", manifestKeys);
  if (map["schema"] !== MANIFEST_SCHEMA) throw invalid("/schema", `is not ${MANIFEST_SCHEMA}`);
  const packageId = text(map["package_id"], "/package_id");
  if (!isId("pkg", packageId)) throw invalid("/package_id", "is not the id of a package");
  const kind = text(map["kind"], "/kind");
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(kind)) throw invalid("/kind", "is not a kind");
  return {
    packageId,
    kind,
    createdAt: timestamp(map["created_at"], "/created_at"),
    finalizedAt: timestamp(map["finalized_at"], "/finalized_at"),
    producer: textOrNull(map["producer"], "/producer"),
    subject: textOrNull(map["subject"], "/subject"),
    metadata: metadata(map["metadata"]),
    retentionClass: textOrNull(map["retention_class"], "/retention_class"),
    files: files(map["files"], readDigest),
  };
}

/** Each path once, in bytewise order of their UTF-8. */
function files(value: Value, readDigest: ReadDigest): PackageFileEntry[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid("/files", "is not an array of files");
  const entries = value.map((item: CanonicalValue, index) => file(item, `/files/${index}`, readDigest));
  let before: Buffer | undefined;
  for (const [index, { path }] of entries.entries()) {
    const bytes = Buffer.from(path);
    if (before !== undefined && Buffer.compare(before, bytes) >= 0) {
      throw invalid(`/files/${index}/path`, "does not stand behind the path before it");
    }
    before = bytes;
  }
  return entries;
}

function file(value: Value, at: string, readDigest: ReadDigest): PackageFileEntry {
  const map = members(value, at, fileKeys);
  const digests = members(map["digests"], `${at}/digests`, digestKeys);
  const digest = (name: string): string => {
    const read = readDigest(digests[name]);
    if (read === undefined)
      throw invalid(`${at}/digests/${name}`, `is not a digest of ${DIGEST_BYTES} bytes`);
    return read;
  };
  const mediaType = text(map["media_type"], `${at}/media_type`);
  if (mediaType === "") throw invalid(`${at}/media_type`, "is empty");
  return {
    path: logicalPath(map["path"], `${at}/path`),
    size: size(map["size"], `${at}/size`),
    media_type: mediaType,
    sha256: digest("sha256"),
    blake3: digest("blake3"),
  };
}

/** Already in the form that the store gives a path: a reader that changed it would look for another file. */
function logicalPath(value: Value, at: string): string {
  const path = text(value, at);
  let normal: string | undefined;
  try {
    normal = checkPath(path);
  } catch (error) {
    if (!(error instanceof DistError)) throw error;
  }
  if (normal !== path) throw invalid(at, "is not a path in a package");
  return path;
}

function size(value: Value, at: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw invalid(at, "is not a number of bytes");
}

function metadata(value: Value): JsonObject {
  const map = members(value, "/metadata");
  // The JSON projection would make text of them.
  if (holdsBytes(map)) throw invalid("/metadata", "holds a byte string");
  return map as JsonObject;
}

/** JSON may be nested deeper than the stack; what the encoding refuses anyway is not looked into. */
function holdsBytes(value: CanonicalValue, depth = 0): boolean {
  if (value instanceof Uint8Array) return true;
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return false;
  return Object.values(value).some((item: CanonicalValue) => holdsBytes(item, depth + 1));
}

function digestBytes(value: Value): string | undefined {
  return value instanceof Uint8Array && value.byteLength === DIGEST_BYTES ? value.toHex() : undefined;
}

function digestText(value: Value): string | undefined {
  return typeof value === "string" && isSha256Hex(value) ? value : undefined;
}

function timestamp(value: Value, at: string): string {
  const time = text(value, at);
  const epochMs = fromTimestamp(time);
  if (Number.isNaN(epochMs) || toTimestamp(epochMs) !== time) {
    throw invalid(at, "is not a time in UTC with three fractional digits");
  }
  return time;
}

function textOrNull(value: Value, at: string): string | null {
  return value === null ? null : text(value, at);
}

/** From JSON, text may hold what UTF-8 cannot. */
function text(value: Value, at: string): string {
  if (typeof value === "string" && value.isWellFormed()) return value;
  throw invalid(at, "is not well-formed text");
}

/** A map's members; exactly these where `keys` are given. */
function members(value: Value, at: string, keys?: readonly string[]): Members {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || Array.isArray(value)) {
    throw invalid(at, "is not a map");
  }
  const map = value as Members;
  const missing = keys?.find((key) => !Object.hasOwn(map, key));
  if (missing !== undefined) throw invalid(at, `has no ${missing}`);
  const strange = keys && Object.keys(map).find((key) => !keys.includes(key));
  if (strange !== undefined) throw invalid(at, `has a key ${JSON.stringify(strange)}, which no manifest has`);
  return map;
}

function invalid(path: string, why: string, cause?: unknown): DistError {
  const what = path === "" ? "The file" : path;
  const offset = cause instanceof DistError ? cause.details["offset"] : undefined;
  return packageErrors.error("package.invalid_manifest", `This is no manifest: ${what} ${why}.`, {
    details: { path, ...(offset !== undefined && { offset }) },
    hint: "A manifest is what dist package manifest writes, as JSON or, with --cbor, as CBOR.",
    cause,
  });
}
