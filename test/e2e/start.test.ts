import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

const start = fileURLToPath(new URL("../../scripts/start.ts", import.meta.url));

describe("npm start", () => {
  it("serves the example, shows a token once, and stops on Ctrl-C", async () => {
    const child = spawn(process.execPath, [start, "--port", "0"], { stdio: ["ignore", "pipe", "pipe"] });
    const exited = once(child, "exit");
    let output = "";
    const ready = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
          if (output.includes("Ctrl-C stops it.")) resolve();
        });
      }
    });
    await Promise.race([ready, exited]);
    const page = /http:\/\/\S+\/install\/api-demos\/beta/.exec(output)?.[0];
    expect(output.match(/dist_[0-9a-f]{64}/g)).toHaveLength(1);
    expect((await fetch(page!)).status).toBe(200);
    child.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
  });
});
