import { describe, expect, it } from "vitest";

import { commandsOf } from "./catalog.ts";
import { flagOf } from "./command.ts";
import { allOptions, commandHelp, familyHelp, programHelp } from "./help.ts";
import { parseCommandLine } from "./program.ts";
import { artifactstore, dist } from "./programs.ts";

const commands = commandsOf(dist.groups);
const specs = commands.map(({ spec }) => [spec.name, spec] as const);

describe("every command", () => {
  it("stands once, and the contract's are there", () => {
    const names = specs.map(([name]) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual([
      "init",
      "ci publish",
      ...["create", "list", "show", "stats", "set"].map((word) => `app ${word}`),
      ...[
        "draft",
        "attach",
        "publish",
        "list",
        "show",
        "compare",
        "promote",
        "rollback",
        "revoke",
        "download",
      ].map((word) => `release ${word}`),
      ...["list", "show", "set", "history"].map((word) => `channel ${word}`),
      ...["create", "add", "remove", "finalize", "fail", "show", "list"].map((word) => `package ${word}`),
      ...["files", "manifest", "download", "verify", "ingest"].map((word) => `package ${word}`),
      "ingest guide-board",
      ...["classes", "show", "extend", "hold", "release", "history", "sweep"].map(
        (word) => `retention ${word}`,
      ),
      ...["create", "list", "revoke"].map((word) => `token ${word}`),
      ...["list", "end"].map((word) => `session ${word}`),
      ...["create", "list", "revoke"].map((word) => `share ${word}`),
      "audit list",
      "status",
      "search",
      "stats",
      "server run",
      ...["status", "usage", "verify", "rebuild", "cleanup", "export", "import", "migrate"].map(
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
      "package create",
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
    const help = commandHelp(dist, spec);
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
      const withApp = parseCommandLine(words.slice(1), dist);
      expect(withApp, example).toMatchObject({ kind: "command", entry: { spec: { name } } });
    }
  });

  it.each(commands.map((entry) => [entry.spec.name, entry] as const))(
    "%s can be loaded",
    async (_name, entry) => {
      expect((await entry.load()).run).toBeTypeOf("function");
    },
  );
});

describe("help", () => {
  it("of the program names every first word under its heading", () => {
    const help = programHelp(dist, 80);
    for (const { heading, words } of dist.groups) {
      expect(help).toContain(`${heading}:\n`);
      for (const { word } of words) expect(help).toMatch(new RegExp(`^  ${word} `, "m"));
    }
    for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(110);
  });

  it("of a family names its commands", () => {
    const family = dist.groups.flatMap(({ words }) => words).find(({ word }) => word === "store");
    if (family === undefined) throw new Error("There is no family store.");
    const help = familyHelp(dist, family, 80);
    for (const { spec } of family.entries) expect(help).toContain(`  ${spec.name.slice("store ".length)} `);
  });
});

describe("artifactstore", () => {
  it("has every command of dist, and what evidence is kept with stands first", () => {
    const names = new Set(commandsOf(artifactstore.groups).map(({ spec }) => spec.name));
    expect(commands.filter(({ spec }) => !names.has(spec.name))).toEqual([]);
    const help = programHelp(artifactstore, 80);
    expect(help).toMatch(/^artifactstore keeps [^]*Usage: artifactstore COMMAND/);
    expect(help.indexOf("  package ")).toBeLessThan(help.indexOf("  retention "));
    expect(help.indexOf("  retention ")).toBeLessThan(help.indexOf("  release "));
    expect(help).not.toMatch(/\bdist (package|COMMAND)/);
  });

  it("calls itself by its name in the help of families, commands and their examples", () => {
    const [family] = artifactstore.groups[0]!.words;
    expect(familyHelp(artifactstore, family!, 80)).toContain("Usage: artifactstore package COMMAND");
    const download = commands.find(({ spec }) => spec.name === "package download")!;
    const help = commandHelp(artifactstore, download.spec);
    expect(help).toContain("Usage: artifactstore package download PACKAGE [options]");
    expect(help).toContain("\n  artifactstore package download pkg_01h… --format tar | tar -x -C evidence\n");
    const importing = commands.find(({ spec }) => spec.name === "store import")!;
    expect(commandHelp(artifactstore, importing.spec)).toContain("| artifactstore store import -");
  });

  it("has first steps that parse", () => {
    for (const { firstSteps, ...program } of [dist, artifactstore]) {
      for (const step of firstSteps) {
        const invocation = parseCommandLine(step.split(" "), { ...program, firstSteps });
        expect(invocation).toMatchObject({ kind: "command" });
      }
    }
  });
});

/** Words as a shell parts them: spaces outside quotes, redirections cut off. */
function shellWords(line: string): string[] {
  const [command = ""] = line.split(/ [>|] /);
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? "",
  );
}
