import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import type { ErrorFamily } from "../../src/base/errors.ts";
import { sourceFiles } from "./source-files.ts";

/** A declaration; the one in a comment is an example. */
const DECLARES = /^(?!\s*\*).*=\s*errorFamily\(/m;

const declaring = sourceFiles("src").filter(
  ({ path, text }) => !path.endsWith(".test.ts") && DECLARES.test(text),
);

/** Every code with the family that declares it, as `file export`. */
const declared: { code: string; family: string }[] = [];
for (const { path } of declaring) {
  const url = new URL(`../../${path}`, import.meta.url).href;
  const module = (await import(/* @vite-ignore */ url)) as Record<string, ErrorFamily<string>>;
  for (const [name, family] of Object.entries(module)) {
    for (const code of Object.keys(family.definitions ?? {}))
      declared.push({ code, family: `${path} ${name}` });
  }
}

/** The texts that may prove a code: tests, and the conformance suites that tests run; not this check of them. */
const tests = sourceFiles("src", "test").filter(
  ({ path }) => /\.test\.ts$|\/conformance\//.test(path) && !path.startsWith("test/architecture/"),
);

const isQuoted = (code: string) => tests.some(({ text }) => text.includes(`"${code}"`));

describe(`the ${declared.length} error codes of ${declaring.length} files`, () => {
  it("were all seen: every family is exported where the check finds it", () => {
    const families = declaring.flatMap(({ text }) => text.match(new RegExp(DECLARES, "gm")) ?? []);
    expect(new Set(declared.map(({ family }) => family)).size).toBe(families.length);
    expect(declared.length).toBeGreaterThan(50);
  });

  // A caller that decides by code must not meet two meanings, or one meaning with two kinds.
  it("belong to one family each", () => {
    const byCode = Map.groupBy(declared, ({ code }) => code);
    const twice = [...byCode].filter(([, families]) => families.length > 1);
    expect(twice).toEqual([]);
  });

  it("are dotted names", () => {
    expect(declared.filter(({ code }) => !/^[a-z]+(\.[a-z][a-z0-9_]*)+$/.test(code))).toEqual([]);
  });

  it("are each named by a test", () => {
    const unproven = declared.filter(({ code }) => !isQuoted(code));
    expect(unproven.map(({ code, family }) => `${code} (${family})`)).toEqual([]);
  });

  // The page is made from a list of families.
  it("stand each in the reference", () => {
    const page = readFileSync(new URL("../../docs/reference/errors.md", import.meta.url), "utf8");
    expect(declared.filter(({ code }) => !page.includes(`\`${code}\``))).toEqual([]);
  });

  it("would be found missing: a code that nobody quotes is unproven", () => {
    expect(isQuoted(["store", "load"].join("."))).toBe(true);
    expect(isQuoted("store.loaded")).toBe(false);
  });
});
