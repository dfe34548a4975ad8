import type { ReportOptions } from "../registry/records/pages.ts";
import type { Output } from "./output.ts";
import type { Progress } from "./progress.ts";

/** Runs a long piece of store care with a progress line for each of its phases. */
export async function watchReport<T>(
  output: Output,
  signal: AbortSignal,
  work: (options: ReportOptions) => Promise<T>,
): Promise<T> {
  let phase: string | undefined;
  let progress: Progress | undefined;
  try {
    return await work({
      signal,
      onProgress: (now) => {
        if (now.phase !== phase) {
          progress?.end();
          progress = output.progress(now.phase, now.total, now.unit ?? "items");
          phase = now.phase;
        }
        progress?.update(now.done);
      },
    });
  } finally {
    progress?.end();
  }
}
