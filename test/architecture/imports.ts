import { posix } from "node:path";

import type { SourceFile } from "./source-files.ts";

/**
 * What each folder of `src` may import, besides itself. A folder that is not named here is refused: who adds one says
 * what it stands on.
 */
export const arrows: Readonly<Record<string, readonly string[]>> = {
  base: [],
  blob: ["base"],
  inspect: ["base"],
  retention: ["base"],
  log: ["base"],
  catalog: ["log", "base"],
  registry: ["catalog", "blob", "inspect", "retention", "log", "base"],
  config: ["registry", "base"],
  client: ["registry", "base"],
  ingest: ["registry", "log", "base"],
  cli: ["registry", "config", "client", "ingest", "base"],
  server: ["registry", "config", "base"],
  main: ["cli", "server", "config"],
  /** What runs in browsers, which the build puts together by itself. */
  browser: [],
};

/** Arrows that stand for types only: nothing of that folder may be loaded. */
const typesOnly: Readonly<Record<string, readonly string[]>> = {
  config: ["registry"],
  client: ["registry"],
};

export interface Import {
  readonly from: string;
  readonly to: string;
  /** Loaded with the file, later on, or never. */
  readonly kind: "static" | "dynamic" | "type";
}

/** Every import of files of ours: static, dynamic, re-exports, type-only ones too. */
export function importsOf({ path, text }: SourceFile): Import[] {
  return [...withoutComments(text).matchAll(IMPORT)].flatMap((match): Import[] => {
    const { statement, specifier, loaded } = match.groups!;
    const named = specifier ?? loaded!;
    if (!named.startsWith(".")) return [];
    const to = posix.join(posix.dirname(path), named);
    if (statement === undefined) return [{ from: path, to, kind: "dynamic" }];
    return [{ from: path, to, kind: /^(import|export)\s+type\b/.test(statement) ? "type" : "static" }];
  });
}

/** `import … from "x"`, `export … from "x"`, `import "x"`; or `import("x")` with a literal. */
const IMPORT =
  /(?:^|;)\s*(?<statement>(?:import|export)\b[^;"'`(]*?)(?:\bfrom\s*)?["'](?<specifier>[^"']+)["']|\bimport\(\s*["'`](?<loaded>[^"'`]+)["'`]/gm;

/** An `import(` whose target is computed: a check that cannot read it must not pass it over. */
export function unreadableImports({ path, text }: SourceFile): string[] {
  return [...withoutComments(text).matchAll(/\bimport\(\s*(?!["'`])[^)]*/g)].map(
    ([found]) => `${path}: ${found}`,
  );
}

/** Imports that run up, sideways or out of `src`, each as a sentence. */
export function forbiddenArrows(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to, kind }) => {
    const [source, target] = [folderOf(from), folderOf(to)];
    if (source === target) return [];
    const allowed = arrows[source]?.includes(target) ?? false;
    if (allowed && (kind === "type" || !(typesOnly[source]?.includes(target) ?? false))) return [];
    return [`${from} must not import ${to}${allowed ? " but for its types" : ""}`];
  });
}

/** The first circle among files, as a path that ends where it began; undefined when there is none. */
export function circle(imports: readonly Import[]): string[] | undefined {
  const targets = Map.groupBy(imports, ({ from }) => from);
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const { to } of targets.get(path) ?? []) {
      const found = walk(to, [...trail, path]);
      if (found !== undefined) return found;
    }
    done.add(path);
    return undefined;
  };
  for (const path of targets.keys()) {
    const found = walk(path, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Places that read the environment of the process. */
export function environmentReads({ path, text }: SourceFile): string[] {
  const code = withoutComments(text);
  const found =
    /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[|\benv\b[^;]*\bfrom\s+["'](?:node:)?process["']/.exec(
      code,
    );
  return found === null ? [] : [`${path}: ${found[0]}`];
}

/** The folder of `src` a file is in; for anything else its path, which no arrow names. */
function folderOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? path;
}

/** Blanks comments out. Text in quotes is kept: specifiers are quotes, and `//` stands in addresses. */
function withoutComments(text: string): string {
  return text.replace(/("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "$1");
}
