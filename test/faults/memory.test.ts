import { readFileSync } from "node:fs";
import { mkdtemp, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { dist } from "./program.ts";
import { makePack, publishArgs } from "./stores.ts";

const GIB = 1024 ** 3;
const MAX_RESIDENT_KIB = 200_000_000 / 1024;

needs("procfs")("memory", () => {
  it("publishing a file of 4 GiB takes less than 200 MB", async () => {
    const root = await mkdtemp(join(tmpdir(), "dist-memory-"));
    const pack = await makePack(root, "1.0.0");
    await truncate(join(root, "acme-1.0.0-x86_64.tar.gz"), 4 * GIB);
    let peakKib = 0;
    const run = await dist(publishArgs(join(root, "store"), pack), {
      onStart: ({ pid }) => {
        const watch = setInterval(() => {
          const peak = peakResidentKib(pid!);
          if (peak === undefined) clearInterval(watch);
          else peakKib = Math.max(peakKib, peak);
        }, 50);
      },
    });
    await rm(root, { recursive: true });
    console.log(`4 GiB published with at most ${Math.round(peakKib / 1024)} MiB resident`);
    expect(run.json.artifacts[0].size_bytes).toBe(4 * GIB);
    expect(peakKib).toBeGreaterThan(0);
    expect(peakKib).toBeLessThan(MAX_RESIDENT_KIB);
  }, 180_000);
});

/** The kernel's own mark of the most that was ever resident, so that nothing is missed between two looks. */
function peakResidentKib(pid: number): number | undefined {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kib === undefined ? undefined : Number(kib);
  } catch {
    return undefined;
  }
}
