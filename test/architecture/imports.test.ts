import { existsSync } from "node:fs";

import { describe, expect, it } from "vitest";

import {
  arrows,
  circle,
  environmentReads,
  forbiddenArrows,
  importsOf,
  unreadableImports,
} from "./imports.ts";
import { type SourceFile, sourceFiles } from "./source-files.ts";

const files = sourceFiles("src");
const product = files.filter(
  ({ path }) => !/\.test\.ts$|\/conformance\/|\/testing\/|-fixtures\.ts$/.test(path),
);
const imports = product.flatMap(importsOf);

describe(`the imports of the ${product.length} source files (${imports.length} imports)`, () => {
  // A walk that finds nothing finds nothing wrong.
  it("were all seen", () => {
    expect(product.length).toBeGreaterThan(80);
    expect(imports.length).toBeGreaterThan(2 * product.length);
    const folders = new Set(product.map(({ path }) => path.split("/")[1]!));
    expect([...folders].filter((folder) => !(folder in arrows))).toEqual([]);
    expect(product.flatMap(unreadableImports)).toEqual([]);
  });

  it("name files that are there", () => {
    const root = new URL("../../", import.meta.url);
    expect(imports.filter(({ to }) => !existsSync(new URL(to, root)))).toEqual([]);
  });

  it("run downward only", () => {
    expect(forbiddenArrows(imports)).toEqual([]);
  });

  // A dynamic import is how a circle is cut: the file is there before the other is asked for.
  it("never go round in a circle of files that load one another", () => {
    expect(circle(imports.filter(({ kind }) => kind === "static"))).toBeUndefined();
  });

  it("keep product code apart from tests", () => {
    const known = new Set(product.map(({ path }) => path));
    expect(imports.filter(({ to }) => to.endsWith(".ts") && !known.has(to))).toEqual([]);
  });
});

describe("the environment", () => {
  /** A program hands the environment over whole, as config's input. */
  const handsOver = { path: "src/main/run-program.ts", as: "runProcess(process.env" };

  it("is read by config alone; the program hands it over", () => {
    const readers = product
      .map(({ path, text }) => ({
        path,
        text: path === handsOver.path ? text.replace(handsOver.as, "") : text,
      }))
      .flatMap(environmentReads);
    expect(readers.filter((reader) => !reader.startsWith("src/config/"))).toEqual([]);
    expect(product.find(({ path }) => path === handsOver.path)?.text).toContain(handsOver.as);
  });
});

describe("the tests beside the sources", () => {
  it("import downward only, too", () => {
    const tests = files.filter((file) => !product.includes(file));
    expect(tests.length).toBeGreaterThan(10);
    expect(forbiddenArrows(tests.flatMap(importsOf))).toEqual([]);
  });
});

// Each of these is a file that must not pass: without them a broken check would look like a sound house.
describe("the check itself", () => {
  const file = (path: string, text: string): SourceFile => ({ path, text });
  const refused = (path: string, text: string) => forbiddenArrows(importsOf(file(path, text)));

  it.each([
    ["a static import", 'import { a } from "../catalog/query.ts";'],
    ["a type-only import", 'import type { A } from "../catalog/query.ts";'],
    ["an import for its effects", 'import "../catalog/query.ts";'],
    ["an import over several lines", 'import {\n  a,\n  type B,\n} from "../catalog/query.ts";'],
    ["a namespace import", "import * as all from '../catalog/query.ts';"],
    ["a dynamic import", 'const { a } = await import("../catalog/query.ts");'],
    ["a dynamic import over lines", "await import(\n  `../catalog/query.ts`\n)"],
    ["a type in place", 'let a: import("../catalog/query.ts").A;'],
    ["a re-export", 'export { a } from "../catalog/query.ts";'],
    ["a re-export of all", 'export * from "../catalog/query.ts";'],
    ["a second import on the same line", 'import a from "x"; import { b } from "../catalog/query.ts";'],
    ["one after a comment with a quote", '// don\'t\nimport { b } from "../catalog/query.ts";'],
  ])("refuses the command line's %s", (_, text) => {
    expect(refused("src/cli/bad.ts", text)).toEqual(["src/cli/bad.ts must not import src/catalog/query.ts"]);
  });

  it.each([
    ["src/base/bad.ts", "../log/events.ts"],
    ["src/blob/bad.ts", "../log/events.ts"],
    ["src/inspect/elf/bad.ts", "../../blob/blob-store.ts"],
    ["src/retention/bad.ts", "../catalog/tables.ts"],
    ["src/log/bad.ts", "../catalog/tables.ts"],
    ["src/catalog/bad.ts", "../blob/blob-store.ts"],
    ["src/registry/bad.ts", "../cli/run.ts"],
    ["src/cli/bad.ts", "../blob/directory.ts"],
    ["src/cli/commands/bad.ts", "../../inspect/formats.ts"],
    ["src/main/bad.ts", "../registry/open-store.ts"],
    ["src/strange/bad.ts", "../base/errors.ts"],
    ["src/base/bad.ts", "../../test/support/test-store.ts"],
  ])("refuses %s its %s", (path, specifier) => {
    expect(refused(path, `import { x } from "${specifier}";`)).toHaveLength(1);
  });

  it("allows config the registry's types and nothing of it that is loaded", () => {
    expect(refused("src/config/a.ts", 'import type { A } from "../registry/registry.ts";')).toEqual([]);
    expect(refused("src/config/a.ts", 'import { a } from "../registry/registry.ts";')).toHaveLength(1);
  });

  it("reads no imports out of comments", () => {
    expect(
      importsOf(file("src/base/a.ts", '// import "../cli/run.ts"\n/* import "../cli/run.ts" */')),
    ).toEqual([]);
  });

  it("finds a circle, and says where it goes", () => {
    const round = [
      file("src/base/a.ts", 'import "./b.ts";'),
      file("src/base/b.ts", 'export * from "./c.ts";'),
      file("src/base/c.ts", 'await import("./b.ts");'),
    ];
    expect(circle(round.flatMap(importsOf))).toEqual(["src/base/b.ts", "src/base/c.ts", "src/base/b.ts"]);
    expect(circle(round.slice(0, 2).flatMap(importsOf))).toBeUndefined();
  });

  it.each([
    "process.env.HOME",
    'process.env["HOME"]',
    "process?.env",
    'process["env"]',
    'import { env } from "node:process";',
  ])("finds %s", (text) => {
    expect(environmentReads(file("src/cli/bad.ts", text))).toHaveLength(1);
  });

  it("refuses an import whose target is computed", () => {
    expect(unreadableImports(file("src/cli/bad.ts", "await import(name)"))).toHaveLength(1);
  });
});
