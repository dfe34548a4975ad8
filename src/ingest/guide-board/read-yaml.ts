import { Composer, type Document, isScalar, Lexer, Parser, visit } from "yaml";

import { runErrors } from "../errors.ts";
import { invalidDocument } from "./read-document.ts";

/**
 * Open items of the parser; a level takes about two of them. What comes after the parser is recursive, and a text of `[[[[…` would end
 * the process.
 */
const MAX_OPEN_ITEMS = 130;
/** An alias of an alias of an alias multiplies what it stands for ("billion laughs"). */
const MAX_ALIASES = 100;

/**
 * One YAML 1.2 document. Scalars stay text as they are written, so that the commit `4e10707` is no number; only null is null. Raises
 * `run.invalid_document`, `run.document_too_large`.
 */
export function readYaml(text: string, file: string): unknown {
  const [document, second] = compose(text, file);
  if (document === undefined) return null;
  if (second !== undefined) throw invalidDocument(file, "holds more than one YAML document");
  const [error] = document.errors;
  if (error !== undefined) {
    const line = lineAt(text, error.pos[0]);
    throw invalidDocument(file, `is not YAML: ${error.message}`, { line, cause: error });
  }
  refuseDuplicateKeys(document, text, file);
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    throw invalidDocument(file, `has aliases that cannot be followed: ${cause.message}`, { cause });
  }
}

function compose(text: string, file: string): Document.Parsed[] {
  const parser = new Parser();
  const composer = new Composer({
    schema: "failsafe",
    customTags: (tags) => [...tags, "null"],
    // The library compares every key with every other.
    uniqueKeys: false,
  });
  const tokens = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > MAX_OPEN_ITEMS) {
      throw runErrors.error("run.document_too_large", `${file} is nested too deeply.`, {
        details: { file, line: lineAt(text, parser.offset) },
      });
    }
  }
  tokens.push(...parser.end());
  return [...composer.compose(tokens, false, text.length)];
}

/** "Mapping keys must be unique" (YAML 1.2.2, section 3.2.1.3), in linear time. */
function refuseDuplicateKeys(document: Document.Parsed, text: string, file: string): void {
  visit(document, {
    Map(_, map) {
      const keys = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) throw invalidDocument(file, "has a key that is no text");
        if (keys.has(key.value)) {
          const line = lineAt(text, key.range?.[0] ?? 0);
          throw invalidDocument(file, `is ambiguous: ${String(key.value)} stands twice`, { line });
        }
        keys.add(key.value);
      }
    },
  });
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
