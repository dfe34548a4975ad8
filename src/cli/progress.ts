import { naturalBytes } from "../base/text.ts";
import { escapeInline } from "./escape.ts";

/** Transfers that end sooner show nothing. */
const quietMs = 500;
const redrawMs = 100;
const barWidth = 10;
const defaultColumns = 80;

/** A terminal's line for the progress of one transfer. */
export interface Progress {
  /** How much is done, in the unit of `total`. */
  update(done: number): void;
  /** Takes the line away. */
  end(): void;
}

export interface ProgressState {
  readonly label: string;
  readonly done: number;
  /** Null when it is not known. */
  readonly total: number | null;
  readonly elapsedMs: number;
  readonly unit: "bytes" | "items";
}

export interface ProgressOptions {
  readonly label: string;
  readonly total: number | null;
  readonly unit: "bytes" | "items";
  readonly write: (text: string) => void;
  readonly columns: number | undefined;
  readonly nowMs: () => number;
}

/** Shows nothing: standard error is no terminal. */
export const noProgress: Progress = { update: () => {}, end: () => {} };

export function startProgress(options: ProgressOptions): Progress {
  const startedMs = options.nowMs();
  let drawnMs = -Infinity;
  let drawn = false;
  return {
    update(done) {
      const nowMs = options.nowMs();
      const elapsedMs = nowMs - startedMs;
      if (elapsedMs < quietMs || nowMs - drawnMs < redrawMs) return;
      drawnMs = nowMs;
      drawn = true;
      const line = renderProgress({ ...options, done, elapsedMs });
      // One column stays free: a full last column makes some terminals wrap.
      options.write(`\r\x1b[2K${line.slice(0, (options.columns ?? defaultColumns) - 1)}`);
    },
    end() {
      if (drawn) options.write("\r\x1b[2K");
      drawn = false;
    },
  };
}

/** `acme.apk  [#####-----]  50%  10 MB of 20 MB  5 MB/s  2 s left`. */
export function renderProgress({ label, done, total, elapsedMs, unit }: ProgressState): string {
  const amount = unit === "bytes" ? naturalBytes : String;
  const perSecond = elapsedMs > 0 ? (done * 1000) / elapsedMs : 0;
  const parts = [escapeInline(label)];
  if (total !== null && total > 0) {
    const share = Math.min(1, done / total);
    const filled = Math.floor(share * barWidth);
    parts.push(`[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}]`, `${Math.floor(share * 100)}%`);
    parts.push(`${amount(done)} of ${amount(total)}`);
  } else {
    parts.push(amount(done));
  }
  if (unit === "bytes") parts.push(`${naturalBytes(Math.round(perSecond))}/s`);
  if (total !== null && perSecond > 0 && done < total) {
    parts.push(`${naturalSeconds((total - done) / perSecond)} left`);
  }
  return parts.join("  ");
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`. */
function naturalSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
