import { SaxesParser } from "saxes";

import { UnreadableError } from "../unreadable.ts";
import { MAX_PLIST_DEPTH, MAX_PLIST_VALUES, type PlistValue } from "./plist-value.ts";

/**
 * Reads an XML property list. The parser knows no entities but XML's own five, so that nothing expands and nothing is fetched,
 * whatever the document type declares.
 */
export function readXmlPlist(bytes: Buffer, where: string): PlistValue {
  const reader = new XmlPlist(where);
  const parser = new SaxesParser({ position: false });
  parser.on("error", (error) => {
    throw reader.damaged(error.message);
  });
  parser.on("opentag", ({ name }) => reader.open(name));
  parser.on("closetag", ({ name }) => reader.close(name));
  parser.on("text", (text) => reader.text(text));
  parser.on("cdata", (text) => reader.text(text));
  parser.write(decode(bytes, reader)).close();
  return reader.end();
}

function decode(bytes: Buffer, reader: XmlPlist): string {
  const mark = bytes.toString("hex", 0, 2);
  const encoding = mark === "fffe" ? "utf-16le" : mark === "feff" ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw reader.damaged("it is not in its encoding");
  }
}

type Container =
  | { readonly tag: "plist"; readonly values: PlistValue[] }
  | { readonly tag: "array"; readonly values: PlistValue[] }
  | { readonly tag: "dict"; readonly values: Map<string, PlistValue>; key: string | undefined };

const leaves = ["key", "string", "integer", "real", "date", "data", "true", "false"] as const;
type Leaf = (typeof leaves)[number];

class XmlPlist {
  readonly #where: string;
  readonly #open: Container[] = [];
  #leaf: Leaf | undefined;
  #text: string[] = [];
  #values = 0;
  #root: PlistValue | undefined;

  constructor(where: string) {
    this.#where = where;
  }

  open(name: string): void {
    if (this.#leaf !== undefined) throw this.damaged(`<${this.#leaf}> holds another element`);
    this.#values += 1;
    if (this.#values > MAX_PLIST_VALUES) throw this.#limit(`has more than ${MAX_PLIST_VALUES} values`);
    if (this.#open.length === 0 && name !== "plist") throw this.damaged("its root is not <plist>");
    if (isLeaf(name)) {
      this.#leaf = name;
      this.#text = [];
      return;
    }
    if (this.#open.length > MAX_PLIST_DEPTH) throw this.#limit(`is nested deeper than ${MAX_PLIST_DEPTH}`);
    if (name === "plist" && this.#open.length === 0) this.#open.push({ tag: name, values: [] });
    else if (name === "array") this.#open.push({ tag: name, values: [] });
    else if (name === "dict") this.#open.push({ tag: name, values: new Map(), key: undefined });
    else throw this.damaged(`it has an element that property lists do not have`);
  }

  close(name: string): void {
    if (this.#leaf !== undefined) {
      const text = this.#text.join("");
      const leaf = this.#leaf;
      this.#leaf = undefined;
      if (leaf === "key") this.#key(text);
      else this.#add(this.#value(leaf, text));
      return;
    }
    const container = this.#open.pop()!;
    if (container.tag === "dict" && container.key !== undefined) throw this.damaged("a key has no value");
    if (name === "plist") this.#root = (container.values as PlistValue[])[0];
    else this.#add(container.values);
  }

  text(text: string): void {
    if (this.#leaf !== undefined) this.#text.push(text);
    else if (text.trim() !== "") throw this.damaged("it has text between its elements");
  }

  end(): PlistValue {
    if (this.#root === undefined) throw this.damaged("it is empty");
    return this.#root;
  }

  damaged(problem: string): UnreadableError {
    return new UnreadableError(
      "damaged",
      `${this.#where} is no sound property list: ${problem}.`,
      this.#where,
    );
  }

  #limit(problem: string): UnreadableError {
    return new UnreadableError("limit", `${this.#where} ${problem}.`, this.#where);
  }

  #key(key: string): void {
    const container = this.#open.at(-1);
    if (container?.tag !== "dict" || container.key !== undefined) throw this.damaged("a key is out of place");
    container.key = key;
  }

  #add(value: PlistValue): void {
    const container = this.#open.at(-1)!;
    if (container.tag === "dict") {
      if (container.key === undefined) throw this.damaged("a value has no key");
      container.values.set(container.key, value);
      container.key = undefined;
    } else {
      if (container.tag === "plist" && container.values.length > 0) throw this.damaged("it has two roots");
      container.values.push(value);
    }
  }

  #value(leaf: Exclude<Leaf, "key">, text: string): PlistValue {
    switch (leaf) {
      case "string":
        return text;
      case "true":
        return true;
      case "false":
        return false;
      case "integer":
        return this.#integer(text.trim());
      case "real":
        return this.#real(text.trim());
      case "date":
        return this.#date(text.trim());
      case "data":
        if (!/^[A-Za-z0-9+/=\s]*$/.test(text)) throw this.damaged("its data are not in Base64");
        return Buffer.from(text, "base64");
    }
  }

  #integer(text: string): number | bigint {
    const match = /^([+-]?)(0x[0-9a-f]{1,32}|\d{1,40})$/i.exec(text);
    if (match === null) throw this.damaged("an integer is none");
    const value = BigInt(match[2]!) * (match[1] === "-" ? -1n : 1n);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #real(text: string): number {
    if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
    if (/^nan$/i.test(text)) return Number.NaN;
    const value = Number(text);
    if (text === "" || Number.isNaN(value)) throw this.damaged("a number is none");
    return value;
  }

  #date(text: string): Date {
    const date = new Date(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? text : Number.NaN);
    if (Number.isNaN(date.getTime())) throw this.damaged("a date is none");
    return date;
  }
}

function isLeaf(name: string): name is Leaf {
  return (leaves as readonly string[]).includes(name);
}
