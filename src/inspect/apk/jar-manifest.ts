/** One section of a JAR's manifest or signature file. */
export interface JarSection {
  /** The value of `Name`, null where it has none. */
  readonly name: string | null;
  /** By their names in lower case; of two with one name the first. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Where the section stands in the file, its empty last line included: digests are over that. */
  readonly start: number;
  readonly end: number;
}

const CR = 13;
const LF = 10;
const SPACE = 32;

interface Line {
  readonly start: number;
  readonly stop: number;
  /** Where the next line begins. */
  readonly end: number;
}

/**
 * Reads the sections of `MANIFEST.MF` or a `.SF` file ("JAR File Specification", name-value pairs and sections). It takes what Android
 * takes: lines of any length, names with spaces, values without a colon before them.
 */
export function readJarSections(file: Buffer): JarSection[] {
  const sections: JarSection[] = [];
  let start = -1;
  let pairs: Buffer[][] = [];
  const close = (end: number) => {
    if (start >= 0) sections.push(sectionOf(pairs, start, end));
    start = -1;
    pairs = [];
  };
  for (const line of lines(file)) {
    if (line.start === line.stop) {
      close(line.end);
      continue;
    }
    if (start < 0) start = line.start;
    // "continuation: SPACE *otherchar newline"
    const isContinued = file[line.start] === SPACE && pairs.length > 0;
    if (isContinued) pairs.at(-1)!.push(file.subarray(line.start + 1, line.stop));
    else pairs.push([file.subarray(line.start, line.stop)]);
  }
  close(file.length);
  return sections;
}

/** "newline: CR LF | LF | CR (not followed by LF)" */
function* lines(file: Buffer): Generator<Line> {
  let start = 0;
  for (let at = 0; at < file.length; at += 1) {
    const byte = file[at];
    if (byte !== CR && byte !== LF) continue;
    const end = byte === CR && file[at + 1] === LF ? at + 2 : at + 1;
    yield { start, stop: at, end };
    start = end;
    at = end - 1;
  }
  if (start < file.length) yield { start, stop: file.length, end: file.length };
}

function sectionOf(pairs: readonly Buffer[][], start: number, end: number): JarSection {
  const attributes = new Map<string, string>();
  for (const parts of pairs) {
    const line = Buffer.concat(parts).toString("utf8");
    const colon = line.indexOf(": ");
    const name = (colon === -1 ? line : line.slice(0, colon)).toLowerCase();
    if (!attributes.has(name)) attributes.set(name, colon === -1 ? "" : line.slice(colon + 2));
  }
  return { name: attributes.get("name") ?? null, attributes, start, end };
}
