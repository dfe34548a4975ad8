import { z } from "zod";

import { parseArch } from "../../inspect/architecture.ts";
import {
  type Arch,
  arches,
  type Format,
  formats,
  type Platform,
  platforms,
} from "../../inspect/inspection.ts";
import type { JsonObject } from "../../log/events.ts";
import { manifestErrors } from "./errors.ts";
import { explainIssues } from "./explain-issues.ts";
import { findKeyProblem } from "./key-problems.ts";
import { archAliases } from "./vocabulary.ts";

/** Parsing takes memory in proportion; a manifest of 64 artifacts is a few KiB. */
export const maxManifestBytes = 1024 * 1024;
const maxArtifacts = 64;
/** Deeper metadata would exhaust the stack of those who walk it. */
const maxMetadataDepth = 32;

/** `dist.json`, checked. What its texts may be (slugs, versions, file names) is the registry's to say. */
export interface DistManifest {
  readonly app: string;
  readonly display_name?: string | undefined;
  readonly version: string;
  readonly build?: string | undefined;
  readonly channel?: string | null | undefined;
  readonly notes?: string | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly artifacts: readonly ManifestArtifact[];
}

export interface ManifestArtifact {
  readonly platform: Platform;
  readonly arch?: Arch | undefined;
  readonly format?: Format | undefined;
  /** Relative to the manifest; may be a pattern. */
  readonly path: string;
  readonly filename?: string | undefined;
  readonly content_type?: string | undefined;
  readonly size?: number | undefined;
  /** Lower case. */
  readonly sha256?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

const metadata = z
  .record(z.string(), z.unknown())
  .superRefine(checkJson)
  .describe("Facts of your own, kept with it");

const artifact = z.strictObject({
  platform: z.enum(platforms).describe("What the file is for"),
  arch: z
    .enum([...arches, ...archAliases])
    .describe("Read from the file, or universal, when absent")
    .optional(),
  format: z.enum(formats).describe("By the file's extension when absent").optional(),
  path: z.string().min(1).describe("Relative to this file; may be a pattern that matches exactly one file"),
  filename: z.string().describe("The name downloads get; the file's own when absent").optional(),
  content_type: z.string().describe("By the format when absent").optional(),
  size: z.int().nonnegative().describe("Bytes; checked when given").optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .describe("Checked when given")
    .optional(),
  metadata: metadata.optional(),
});

const schema = z
  .strictObject({
    $schema: z.string().optional(),
    app: z.string().describe("The app's slug: a-z, 0-9 and -"),
    display_name: z.string().describe("Used when the app is created").optional(),
    version: z.string().describe("0-9, A-Z, a-z and . + ~ -"),
    build: z.string().describe("Tells several builds of a version apart").optional(),
    channel: z.string().nullable().describe("The channel to publish to; none when absent or null").optional(),
    notes: z.string().describe("What changed").optional(),
    metadata: metadata.optional(),
    artifacts: z.array(artifact).min(1).max(maxArtifacts),
  })
  .describe("A release, as dist ci publish reads it");

/**
 * Reads the text of a `dist.json`. `where` names it in messages. Raises `manifest.*` for the first problem, with all of them in
 * `details.problems` when there are several.
 */
export function parseManifest(text: string, where: string): DistManifest {
  if (Buffer.byteLength(text) > maxManifestBytes) throw manifestTooLarge(where);
  // PowerShell writes a byte order mark before UTF-8.
  const json = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const value = parseJson(json, where);
  refuseKeyProblem(json, where);
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) throw explainIssues(result.error.issues, schema, value, where);
  const { $schema: _, ...manifest } = result.data;
  return { ...manifest, artifacts: manifest.artifacts.map(normalise) } as DistManifest;
}

function refuseKeyProblem(json: string, where: string): void {
  const problem = findKeyProblem(json);
  if (problem === undefined) return;
  const details = { path: problem.path, manifest: where, line: problem.line };
  if (problem.kind === "reserved") {
    throw manifestErrors.error("manifest.unknown_key", `${where}: ${problem.path} cannot be a key.`, {
      details,
    });
  }
  throw manifestErrors.error("manifest.duplicate_key", `${where}: ${problem.path} stands twice.`, {
    details,
    hint: "Readers of JSON disagree on which of the two counts. Remove one.",
  });
}

/** `manifest.too_large`, for readers that stop before they hold the text. */
export function manifestTooLarge(where: string): Error {
  return manifestErrors.error("manifest.too_large", `${where} is larger than ${maxManifestBytes} bytes.`, {
    details: { path: "", manifest: where, limit: maxManifestBytes },
  });
}

/** The JSON Schema of `dist.json` (draft 2020-12), for editors. */
export function distManifestSchema(): Readonly<Record<string, unknown>> {
  return { ...z.toJSONSchema(schema, { io: "input" }), title: "dist.json" };
}

function normalise(item: z.infer<typeof artifact>): object {
  return {
    ...item,
    ...(item.arch !== undefined && { arch: parseArch(item.arch) }),
    ...(item.sha256 !== undefined && { sha256: item.sha256.toLowerCase() }),
  };
}

function parseJson(json: string, where: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // V8 says "… in JSON at position 12 (line 2 column 3)"; without a position the text ends too early.
    const position = Number(/at position (\d+)/.exec(text)?.[1] ?? json.length);
    const before = json.slice(0, position).split("\n");
    const line = before.length;
    const column = (before.at(-1) ?? "").length + 1;
    const what = text.replace(/ in JSON at position .*$/s, "");
    throw manifestErrors.error(
      "manifest.invalid_json",
      `${where} is not JSON at line ${line}, column ${column}: ${what}.`,
      {
        details: { path: "", manifest: where, line, column },
        hint: "JSON has no comments and no comma after the last item; text stands in double quotes.",
        cause: error,
      },
    );
  }
}

/** Refuses numbers that JSON readers change silently, and nesting without end. */
function checkJson(value: unknown, context: z.core.$RefinementCtx): void {
  const visit = (item: unknown, path: readonly (string | number)[]): void => {
    const refuse = (message: string): void =>
      context.addIssue({ code: "custom", message, path: [...path], input: item });
    if (
      typeof item === "number" &&
      (!Number.isFinite(item) || (Number.isInteger(item) && !Number.isSafeInteger(item)))
    ) {
      refuse("is a number beyond 2^53 - 1, which programs read differently; write it as text");
    } else if (typeof item === "object" && item !== null) {
      if (path.length >= maxMetadataDepth) refuse(`is nested deeper than ${maxMetadataDepth} levels`);
      else
        for (const [key, child] of Object.entries(item))
          visit(child, [...path, Array.isArray(item) ? Number(key) : key]);
    }
  };
  visit(value, []);
}
