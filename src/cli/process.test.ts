import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

const dist = join(import.meta.dirname, "../main/dist.ts");
const artifactstore = join(import.meta.dirname, "../main/artifactstore.ts");

/** Prints the URL of every module that is loaded. */
const spy = `data:text/javascript,import { registerHooks } from "node:module";
registerHooks({ load(url, context, next) { process._rawDebug("load " + url); return next(url, context); } });`;

describe("the process", () => {
  // What help loads, every shell that completes a word and every person who looks something up waits for.
  it("loads no database, schema library or parser for help", async () => {
    const child = spawn(process.execPath, ["--import", spy, dist, "--help"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(stdout).toContain("Usage: dist");
    const loaded = stderr.split("\n").filter((line) => line.startsWith("load file:"));
    expect(loaded.length).toBeGreaterThan(10);
    const heavy =
      /node_modules|\/src\/(catalog|blob|log|retention|registry(?!\/records\/|\/manifest\/vocabulary\.ts))\//;
    expect(loaded.filter((line) => heavy.test(line))).toEqual([]);
  });

  it("ends with 130 on SIGINT, though the command waits for input that never comes", async () => {
    const directory = await mkdtemp(join(tmpdir(), "dist-process-"));
    try {
      const argv = [dist, "store", "import", "-", "--local-store", directory, "--json"];
      const child = spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"] });
      const stdout = text(child.stdout);
      const exit = once(child, "exit");
      // The store's database shows that the command is past its start and waits.
      while (!(await hasDatabase(directory))) await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill("SIGINT");
      expect(await exit).toEqual([130, null]);
      expect(JSON.parse(await stdout).error.code).toBe("cli.interrupted");
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("is the same program under the name artifactstore", () => {
    const run = (...argv: string[]) =>
      spawnSync(process.execPath, [artifactstore, ...argv], { encoding: "utf8", env: {} });
    expect(run("--help").stdout).toMatch(/^Usage: artifactstore COMMAND/m);
    expect(run("package", "--help").stdout).toContain("artifactstore package COMMAND --help");
    const refused = run("package", "list", "--json");
    expect(refused).toMatchObject({ status: 2, stderr: "" });
    expect(JSON.parse(refused.stdout).error.code).toBe("usage.store_required");
  });

  it("ends quietly when nobody reads its answer", () => {
    const command = `"${process.execPath}" "${dist}" --help | head -c 1; echo " \${PIPESTATUS[0]}"`;
    expect(execFileSync("bash", ["-c", `${command} 2>&1`], { encoding: "utf8" })).toBe("d 0\n");
  });
});

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function hasDatabase(directory: string): Promise<boolean> {
  return (await readdir(directory)).includes("dist.db");
}
