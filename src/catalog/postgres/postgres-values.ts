import { assert } from "../../base/errors.ts";

/**
 * PostgreSQL's text holds every character but U+0000, and notes may hold that one too. It is stored as two others, of
 * which the first, a code point that is no character, stands in no text unescaped.
 */
const ESCAPE = "\u{10FFFF}";
const ESCAPED_NUL = `${ESCAPE}0`;
const ESCAPED_ESCAPE = `${ESCAPE}1`;

/** A value as a parameter. */
export function toParameter(value: unknown): unknown {
  if (typeof value !== "string" || !(value.includes("\0") || value.includes(ESCAPE))) return value;
  return value.replaceAll(ESCAPE, ESCAPED_ESCAPE).replaceAll("\0", ESCAPED_NUL);
}

/** How columns are read: integers of 64 bits as numbers, bytes as `Uint8Array`, the rest as text. */
export const columnTypes = {
  getTypeParser: (oid: number): ((text: string) => unknown) => parsers[oid] ?? fromText,
};

/** By the number of the type, https://www.postgresql.org/docs/current/catalog-pg-type.html. */
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === "t", // bool
  17: (text) => Uint8Array.fromHex(text.slice(2)), // bytea, as \x…
  20: toSafeInteger, // int8
  21: Number, // int2
  23: Number, // int4
  1700: toSafeInteger, // numeric: what sum() of int8 gives
};

function toSafeInteger(text: string): number {
  const number = Number(text);
  assert(Number.isSafeInteger(number), `${text} is a whole number that is exact`);
  return number;
}

function fromText(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPED_NUL, "\0").replaceAll(ESCAPED_ESCAPE, ESCAPE);
}
