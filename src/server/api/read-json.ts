import type { z } from "@hono/zod-openapi";

import type { DistError } from "../../base/errors.ts";
import { nearest } from "../../base/text.ts";
import { findKeyProblem, formatPath } from "../../registry/manifest/key-problems.ts";
import { httpErrors } from "../http-errors.ts";

/** "1 MiB of JSON": parsing takes memory in proportion. */
export const MAX_JSON_BYTES = 1024 * 1024;
/** How long a body may take to arrive: one that trickles in holds a connection open for nothing. */
const MAX_BODY_MS = 60_000;
/** Deeper values would exhaust the stack of those who walk them. */
const MAX_DEPTH = 32;
/** Problems that one refusal names. */
const MAX_PROBLEMS = 20;

/**
 * The JSON of a request; an empty body is `{}`. Raises `request.body_too_large`, `request.timeout`,
 * `request.unsupported_media_type`, `request.invalid_body`.
 */
export async function readJson(request: Request, maxBodyMs = MAX_BODY_MS): Promise<unknown> {
  const bytes = await readBytes(request, maxBodyMs);
  if (bytes.length === 0) return {};
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get("Content-Type") ?? "")) {
    throw httpErrors.error("request.unsupported_media_type", "The body must be application/json.", {
      details: { content_type: request.headers.get("Content-Type") },
    });
  }
  const text = decode(bytes);
  const value = parse(text);
  const problem = findKeyProblem(text);
  if (problem !== undefined) {
    const why = problem.kind === "reserved" ? "cannot be a key" : "stands twice";
    throw invalidBody(problem.path, `${problem.path} ${why}.`);
  }
  refuseOddValues(value);
  return value;
}

/** The value as the schema has it. Raises `request.invalid_body`; `details.path` says where. */
export function checkBody<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.slice(0, MAX_PROBLEMS).flatMap((issue) => explain(schema, issue));
  const [first] = problems;
  throw httpErrors.error("request.invalid_body", first!.message, {
    details: { path: first!.path, ...(problems.length > 1 && { problems }) },
    ...(first!.hint !== undefined && { hint: first!.hint }),
  });
}

/** Path and query parameters as the schema has them. Raises `request.invalid_parameter`. */
export function checkParameters<T>(
  schema: z.ZodType<T>,
  values: Readonly<Record<string, string | readonly string[]>>,
): T {
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const [first] = result.error.issues.flatMap((issue) => explain(schema, issue));
  throw invalidParameter(first!.path, first!.message, first!.hint);
}

/**
 * The query as a record; a parameter that the schema has as a list may stand several times. Raises `request.invalid_parameter` when
 * another one does.
 */
export function readQuery(url: string, schema: z.ZodType): Record<string, string | string[]> {
  const { searchParams } = new URL(url);
  const { shape = {} } = unwrapped(schema);
  const names = [...new Set(searchParams.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = searchParams.getAll(name);
      if (unwrapped(Object.hasOwn(shape, name) ? shape[name] : undefined).element !== undefined)
        return [name, values];
      if (values.length > 1) throw invalidParameter(name, `${name} stands twice.`);
      return [name, values[0]!];
    }),
  );
}

async function readBytes(request: Request, maxBodyMs: number): Promise<Uint8Array> {
  // A length that is declared is refused before anything is read; one that is not is counted.
  if (Number(request.headers.get("Content-Length") ?? 0) > MAX_JSON_BYTES) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body.getReader();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(notInTime(maxBodyMs)), maxBodyMs);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) return Buffer.concat(chunks);
      length += value.length;
      if (length > MAX_JSON_BYTES) throw tooLarge();
      chunks.push(value);
    }
  } finally {
    clearTimeout(timer);
    // Not cancelled: that would close the connection before the refusal is sent.
    reader.releaseLock();
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalidBody("", "The body is not UTF-8.", error);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidBody("", `The body is not JSON: ${error instanceof Error ? error.message : ""}.`, error);
  }
}

/** Refuses nesting without end, numbers that readers of JSON change silently, and texts that UTF-8 cannot hold. */
function refuseOddValues(root: unknown): void {
  const visit = (value: unknown, path: readonly (string | number)[]): void => {
    const refuse = (why: string): DistError =>
      invalidBody(formatPath(path), `${path.length === 0 ? "The body" : formatPath(path)} ${why}.`);
    if (path.length > MAX_DEPTH) throw refuse(`is nested deeper than ${MAX_DEPTH} levels`);
    if (typeof value === "number" && !isExact(value)) throw refuse("is a number beyond 2^53 - 1");
    if (typeof value === "string" && !value.isWellFormed()) throw refuse("has half a surrogate pair");
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, [...path, index]);
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        if (!key.isWellFormed()) throw refuse("has a key with half a surrogate pair");
        visit(item, [...path, key]);
      }
    }
  };
  visit(root, []);
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

interface Explained {
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

function explain(schema: z.ZodType, issue: z.core.$ZodIssue): Explained[] {
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const path = formatPath([...issue.path, key]);
      const guess = nearest(key, known);
      const hint =
        guess === undefined ? `Known here: ${known.join(", ") || "none"}.` : `Did you mean ${guess}?`;
      return { path, message: `${path} is not known here.`, hint };
    });
  }
  const path = formatPath(issue.path);
  return [{ path, message: `${path === "" ? "The body" : path}: ${issue.message}.` }];
}

/** The keys that the schema has at this place. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at = unwrapped(schema);
  for (const part of path) at = unwrapped(at.element ?? at.shape?.[String(part)]);
  return Object.keys(at.shape ?? {});
}

interface Definition {
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
}

/** What is inside `optional` and `nullable`. */
function unwrapped(schema: z.ZodType | undefined): Definition {
  const definition = (schema?.def ?? {}) as Definition;
  return definition.innerType === undefined ? definition : unwrapped(definition.innerType);
}

function tooLarge(): DistError {
  return httpErrors.error("request.body_too_large", `A JSON body has at most ${MAX_JSON_BYTES} bytes.`, {
    details: { limit: MAX_JSON_BYTES },
  });
}

function notInTime(maxBodyMs: number): DistError {
  return httpErrors.error("request.timeout", `The body took longer than ${maxBodyMs / 1000} s.`);
}

function invalidBody(path: string, message: string, cause?: unknown): DistError {
  return httpErrors.error("request.invalid_body", message, { details: { path }, cause });
}

function invalidParameter(parameter: string, message: string, hint?: string): DistError {
  return httpErrors.error("request.invalid_parameter", message, {
    details: { parameter },
    ...(hint !== undefined && { hint }),
  });
}
