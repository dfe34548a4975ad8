import { execFileSync } from "node:child_process";

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** Asks for one address as fast as it is answered, with one thread of wrk. Raises when any answer is an error. */
export function askRepeatedly(url: string, { connections, seconds, headers = {} }: Load): LoadResult {
  const lines = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "30s", ...lines, url];
  const text = execFileSync("wrk", args, { encoding: "utf8" });
  const requests = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1];
  const [, amount, unit = ""] = /Transfer\/sec:\s+([\d.]+)([KMG]?B)/.exec(text) ?? [];
  if (requests === undefined || amount === undefined || /Non-2xx|Socket errors/.test(text)) {
    throw new Error(`wrk ${url} failed:\n${text}`);
  }
  return { requestsPerSecond: Number(requests), bytesPerSecond: Number(amount) * UNITS[unit]! };
}
