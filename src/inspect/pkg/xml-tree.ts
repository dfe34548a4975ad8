import { SaxesParser } from "saxes";

import { UnreadableError } from "../unreadable.ts";

/** An element of an XML document. */
export interface XmlElement {
  /** With its prefix, as written. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The text directly inside it, trimmed. */
  readonly text: string;
}

/** Each level is a call deep in whoever walks the tree; a file can nest a million of them. */
const MAX_DEPTH = 100;
/** An element costs some 200 bytes of memory and four of the file's. */
const MAX_ELEMENTS = 200_000;

/**
 * The root of an XML document in UTF-8. Throws `UnreadableError`: `damaged` for what is not well-formed, `limit` beyond the depth and
 * number of elements read. The parser knows no entities but XML's own five: nothing expands and nothing is fetched.
 */
export function readXml(bytes: Uint8Array, where: string): XmlElement {
  const parser = new SaxesParser();
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let count = 0;
  parser.on("error", (error) => {
    throw damaged(where, error.message);
  });
  parser.on("opentag", ({ name, attributes }) => {
    count += 1;
    if (count > MAX_ELEMENTS || open.length >= MAX_DEPTH) {
      throw new UnreadableError(
        "limit",
        `${where} has more than ${MAX_ELEMENTS} elements or nests deeper than ${MAX_DEPTH}.`,
        where,
      );
    }
    open.push({ name, attributes, children: [], texts: [] });
  });
  const take = (text: string): void => void open.at(-1)?.texts.push(text);
  parser.on("text", take);
  parser.on("cdata", take);
  parser.on("closetag", () => {
    const { texts, ...element } = open.pop()!;
    const closed = { ...element, text: texts.join("").trim() };
    const parent = open.at(-1);
    if (parent) parent.children.push(closed);
    else root = closed;
  });
  parser.write(decode(bytes, where)).close();
  if (root === undefined) throw damaged(where, "it has no element");
  return root;
}

/** The first child of this name. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name === name);
}

export function childrenOf(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((one) => one.name === name) ?? [];
}

interface OpenElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  readonly texts: string[];
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw damaged(where, "it is not UTF-8");
  }
}

function damaged(where: string, problem: string): UnreadableError {
  return new UnreadableError("damaged", `${where} is no XML that can be read: ${problem}.`, where);
}
