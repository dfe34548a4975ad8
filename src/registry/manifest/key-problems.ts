/** A key that readers of JSON treat differently. */
export interface KeyProblem {
  /** `reserved`: `__proto__`, which JavaScript programs drop or obey. */
  readonly kind: "duplicate" | "reserved";
  /** `artifacts[0].path`. */
  readonly path: string;
  /** The first line is 1. */
  readonly line: number;
}

interface Level {
  /** Null in an array. */
  readonly keys: Set<string> | null;
  /** The key, or the index, of the value that is being read. */
  place: string | number;
}

const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/** The first such key in a text that is known to be JSON, so that its tokens are in order. */
export function findKeyProblem(json: string): KeyProblem | undefined {
  const levels: Level[] = [];
  let text = "";
  for (const { 0: mark, index } of json.matchAll(token)) {
    const level = levels.at(-1);
    if (mark.startsWith('"')) text = mark;
    else if (mark === "{") levels.push({ keys: new Set(), place: "" });
    else if (mark === "[") levels.push({ keys: null, place: 0 });
    else if (mark === "}" || mark === "]") levels.pop();
    else if (mark === "," && typeof level?.place === "number") level.place += 1;
    else if (mark === ":" && level?.keys) {
      // Escapes are resolved: "a" and "\u0061" are the same key.
      const key = JSON.parse(text) as string;
      level.place = key;
      if (key === "__proto__" || level.keys.has(key)) {
        const path = formatPath(levels.map(({ place }) => place));
        const line = json.slice(0, index).split("\n").length;
        return { kind: key === "__proto__" ? "reserved" : "duplicate", path, line };
      }
      level.keys.add(key);
    }
  }
  return undefined;
}

/** `["artifacts", 0, "path"]` -> `artifacts[0].path`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
}
