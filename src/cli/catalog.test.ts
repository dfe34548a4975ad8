import { describe, expect, it } from "vitest";

import { commandEntries, commandGroups } from "./catalog.ts";
import { flagOf } from "./command.ts";
import { allOptions, commandHelp, groupHelp, programHelp } from "./help.ts";
import { parseCommandLine } from "./program.ts";

const specs = commandEntries.map(({ spec }) => [spec.name, spec] as const);

describe("every command", () => {
  it("stands once, and the contract's are there", () => {
    const names = specs.map(([name]) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual([
      "init",
      "ci publish",
      ...["create", "list", "show", "set"].map((word) => `app ${word}`),
      ...["draft", "attach", "publish", "list", "show", "promote", "rollback", "revoke", "download"].map(
        (word) => `release ${word}`,
      ),
      ...["list", "show", "set", "history"].map((word) => `channel ${word}`),
      "package ingest",
      "ingest guide-board",
      ...["create", "list", "revoke"].map((word) => `token ${word}`),
      ...["create", "list", "revoke"].map((word) => `share ${word}`),
      "audit list",
      "server run",
      ...["status", "verify", "rebuild", "cleanup", "export", "import", "migrate"].map(
        (word) => `store ${word}`,
      ),
      "inspect",
      "completion",
    ]);
  });

  // Exactly these make a store that is missing; any other on a mistyped path must not leave one behind.
  it("creates a missing store only where the contract says so", () => {
    expect(specs.filter(([, spec]) => spec.creates).map(([name]) => name)).toEqual([
      "ci publish",
      "app create",
      "release draft",
      "package ingest",
      "ingest guide-board",
      "token create",
      "server run",
      "store import",
    ]);
  });

  it.each(specs)("%s says what it does", (name, spec) => {
    expect(spec.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(spec.summary.length).toBeLessThanOrEqual(60);
    expect(spec.description).toMatch(/\.$/);
    expect(spec.examples.length).toBeGreaterThan(0);
    for (const example of spec.examples) expect(example).toContain(`dist ${name}`);
    for (const [option, { about }] of Object.entries(allOptions(spec))) {
      expect(about, option).not.toBe("");
      expect(about, option).not.toMatch(/\.$/);
    }
  });

  it.each(specs)("%s shows options, environment, exit codes and examples in its help", (_name, spec) => {
    const help = commandHelp(spec);
    for (const [option, { env }] of Object.entries(allOptions(spec))) {
      expect(help).toContain(flagOf(option));
      if (env !== undefined) expect(help).toContain(env);
    }
    for (const example of spec.examples) expect(help).toContain(example);
    expect(help).toMatch(/Exit codes:\n {2}0 /);
  });

  // An example that no longer parses is worse than none.
  it.each(specs)("%s has examples that parse", (name, spec) => {
    for (const example of spec.examples) {
      const words = shellWords(example.slice(example.indexOf(`dist ${name}`)));
      const withApp = parseCommandLine(words.slice(1), commandGroups);
      expect(withApp, example).toMatchObject({ kind: "command", entry: { spec: { name } } });
    }
  });

  it.each(commandEntries.map((entry) => [entry.spec.name, entry] as const))(
    "%s can be loaded",
    async (_name, entry) => {
      expect((await entry.load()).run).toBeTypeOf("function");
    },
  );
});

describe("help", () => {
  it("of the program names every first word under its heading", () => {
    const help = programHelp(commandGroups, 80);
    for (const { heading, words } of commandGroups) {
      expect(help).toContain(`${heading}:\n`);
      for (const { word } of words) expect(help).toMatch(new RegExp(`^  ${word} `, "m"));
    }
    for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(110);
  });

  it("of a family names its commands", () => {
    const family = commandGroups.flatMap(({ words }) => words).find(({ word }) => word === "store");
    if (family === undefined) throw new Error("There is no family store.");
    const help = groupHelp(family, 80);
    for (const { spec } of family.entries) expect(help).toContain(`  ${spec.name.slice("store ".length)} `);
  });
});

/** Words as a shell parts them: spaces outside quotes, redirections cut off. */
function shellWords(line: string): string[] {
  const [command = ""] = line.split(/ [>|] /);
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? "",
  );
}
