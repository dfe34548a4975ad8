import { SaxesParser } from "saxes";

import { UnreadableError } from "./unreadable.ts";

/** Deeper ones only serve to grow the parser's stack. */
const MAX_DEPTH = 100;

/** What is told while an XML document streams by. Names come without their namespace's prefix. */
export interface XmlHandler {
  open?(name: string, attributes: ReadonlyMap<string, string>): void;
  text?(text: string): void;
  close?(name: string): void;
}

/** Takes an XML document in pieces. Throws `UnreadableError` (`damaged`) for what is none; `where` names it. */
export class XmlReader {
  readonly #parser = new SaxesParser({ xmlns: false });
  readonly #where: string;
  #depth = 0;

  constructor(where: string, handler: XmlHandler) {
    this.#where = where;
    this.#parser.on("error", ({ message }) => {
      throw new UnreadableError("damaged", `The ${where} is no XML: ${message.slice(0, 200)}`, where);
    });
    this.#parser.on("opentag", ({ name, attributes }) => {
      this.#depth += 1;
      if (this.#depth > MAX_DEPTH) {
        throw new UnreadableError("limit", `The ${where} nests more than ${MAX_DEPTH} elements deep.`, where);
      }
      const named = Object.entries(attributes as Record<string, string>).map(
        ([key, value]) => [localName(key), value] as const,
      );
      handler.open?.(localName(name), new Map(named));
    });
    this.#parser.on("text", (text) => handler.text?.(text));
    this.#parser.on("closetag", ({ name }) => {
      this.#depth -= 1;
      handler.close?.(localName(name));
    });
  }

  write(text: string): void {
    this.#parser.write(text);
  }

  end(): void {
    this.#parser.close();
    if (this.#depth !== 0)
      throw new UnreadableError("damaged", `The ${this.#where} is cut off.`, this.#where);
  }
}

/** Reads a whole document: UTF-8, or UTF-16 with a byte order mark. Throws `UnreadableError`. */
export function readXml(document: Buffer, where: string, handler: XmlHandler): void {
  const isUtf16 = document[0] === 0xff && document[1] === 0xfe;
  const text = new TextDecoder(isUtf16 ? "utf-16le" : "utf-8").decode(document);
  const reader = new XmlReader(where, handler);
  // Resource compilers pad with zeros.
  reader.write(text.replace(/\0+$/, ""));
  reader.end();
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}
