import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, describe, expect, it } from "vitest";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "dist-readme-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** The commands of the block behind the marker, one a line. */
function readmeCommands(): string[] {
  const readme = readFileSync(join(checkout, "README.md"), "utf8");
  const block = /<!-- run by test\/e2e\/readme\.test\.ts -->\n+```sh\n([\s\S]*?)```/.exec(readme);
  return block?.[1]?.trim().split("\n") ?? [];
}

describe("the README's commands", () => {
  it("work in the order they are written", () => {
    for (const name of ["package.json", "scripts", "build"])
      cpSync(join(checkout, name), join(directory, name), { recursive: true });
    symlinkSync(join(checkout, "node_modules"), join(directory, "node_modules"));
    const commands = readmeCommands();
    expect(commands.length).toBeGreaterThan(4);
    const outputs = commands.map((command) =>
      execFileSync("sh", ["-c", command], { cwd: directory, encoding: "utf8" }),
    );
    expect(outputs[1]).toContain("Published api-demos 5.0.0 (25)");
    expect(outputs[4]).toMatch(/unchanged|nothing/i);
    expect(outputs.at(-1)).toContain("Everything is as it was recorded.");
  });
});
