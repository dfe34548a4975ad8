/**
 * The error model. Every refusal carries a stable dotted code; every code belongs to one of the closed kinds.
 * What a kind means on a wire is decided at the edge: `cli/exit-codes.ts` maps it to an exit code.
 */

export type ErrorKind =
  | "invalid"
  | "unauthenticated"
  | "denied"
  | "not_found"
  | "conflict"
  | "gone"
  | "too_large"
  | "unavailable"
  | "internal"
  | "corrupt";

/** What a library says once about one of its codes: the kind, and the sentence the reference prints. */
export interface ErrorDefinition {
  readonly kind: ErrorKind;
  readonly about: string;
}

export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface ErrorOptions {
  /** Facts for programs: what was wrong and where. Never a secret. */
  readonly details?: ErrorDetails;
  /** What the caller can do about it, in one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The one error class that crosses library boundaries. Anything else that is thrown is a bug. */
export class DistError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;
  readonly hint: string | undefined;

  constructor(code: string, kind: ErrorKind, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DistError";
    this.code = code;
    this.kind = kind;
    this.details = options.details ?? {};
    this.hint = options.hint;
  }

  /** The body that the command line and HTTP answer: `{ error: { code, message, details, hint? } }`. */
  toJSON(): { error: { code: string; message: string; details: ErrorDetails; hint?: string } } {
    return {
      error: {
        code: this.code,
        message: this.message,
        details: this.details,
        ...(this.hint === undefined ? {} : { hint: this.hint }),
      },
    };
  }
}

/** A library's codes and the one way to raise them. */
export interface ErrorFamily<Code extends string> {
  readonly definitions: Readonly<Record<Code, ErrorDefinition>>;
  error(code: Code, message: string, options?: ErrorOptions): DistError;
}

/**
 * Declares the codes of one library. The returned `error` builds (does not throw) a `DistError`.
 *
 * @example
 * const family = errorFamily({ "app.not_found": { kind: "not_found", about: "No such app." } });
 * throw family.error("app.not_found", "No app is called acme.", { details: { app: "acme" } });
 */
export function errorFamily<Code extends string>(
  definitions: Readonly<Record<Code, ErrorDefinition>>,
): ErrorFamily<Code> {
  return {
    definitions,
    error: (code, message, options) => new DistError(code, definitions[code].kind, message, options),
  };
}

/** True for a `DistError` with this code. */
export function hasCode(error: unknown, code: string): error is DistError {
  return error instanceof DistError && error.code === code;
}

/** The errno name (`ENOSPC`, `EACCES`, …) of a Node system error; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Raises a bug: a state the code holds to be impossible. Not for bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}
