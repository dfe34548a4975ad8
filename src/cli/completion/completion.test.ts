import { execFileSync, spawnSync } from "node:child_process";

import { describe, expect, it } from "vitest";

import { commandsOf } from "../catalog.ts";
import { flagOf } from "../command.ts";
import { artifactstore, dist } from "../programs.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { completionTree } from "./tree.ts";
import { zshCompletion } from "./zsh.ts";

const nodes = completionTree(dist.groups);
const bash = bashCompletion("dist", nodes);

describe("completion scripts", () => {
  it.each([
    ["bash", bash],
    ["zsh", zshCompletion("dist", nodes)],
    ["fish", fishCompletion("dist", nodes)],
  ])("%s knows every command and option", (shell, script) => {
    for (const { spec } of commandsOf(dist.groups)) {
      expect(script).toContain(spec.name);
      for (const option of Object.keys(spec.options ?? {})) {
        expect(script).toContain(shell === "fish" ? ` -l ${flagOf(option).slice(2)} ` : flagOf(option));
      }
    }
  });

  it.each([
    ["bash", bash],
    ["zsh", zshCompletion("dist", nodes)],
    ["fish", fishCompletion("dist", nodes)],
  ])("%s can read its script, where it is installed", (shell, script) => {
    const { error, status, stderr } = spawnSync(shell, ["-n"], { input: script, encoding: "utf8" });
    if (error !== undefined && shell !== "bash") return;
    expect({ error, status, stderr }).toEqual({ error: undefined, status: 0, stderr: "" });
  });

  it.each<[typed: string, expected: string[]]>([
    ["sto", ["store"]],
    ["store ver", ["verify"]],
    ["release show --a", ["--app"]],
    ["release attach --platform andr", ["android_apk", "android_aab"]],
    ["ci publish --if-exists ", ["fail", "skip"]],
    ["--json channel set --no-f", ["--no-from"]],
    ["completion z", ["zsh"]],
    ["package ver", ["verify"]],
    ["package list --status f", ["finalized", "failed"]],
    ["package download --format ", ["tar", "zip"]],
  ])("bash completes %j", (typed, expected) => {
    const words = ["dist", ...typed.split(" ")];
    const call = `${bash}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dist; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const completed = execFileSync("bash", ["-c", call, "bash", ...words], { encoding: "utf8" });
    expect(completed.trim().split("\n")).toEqual(expected);
  });

  it("are made for the program under each of its names", () => {
    const others = completionTree(artifactstore.groups);
    expect(bashCompletion("artifactstore", others)).toContain(
      "complete -o filenames -F _artifactstore artifactstore",
    );
    expect(zshCompletion("artifactstore", others)).toMatch(/^#compdef artifactstore\n/);
    expect(fishCompletion("artifactstore", others)).toContain("\ncomplete -c artifactstore -n ");
    for (const script of [bashCompletion, zshCompletion, fishCompletion]) {
      expect(script("artifactstore", others)).not.toMatch(/_dist\b|complete -c dist/);
    }
  });
});
