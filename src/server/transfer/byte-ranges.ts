/** More ranges than this make one request cost many seeks and part headers: the whole is sent instead. */
const MAX_RANGES = 16;

/** Bytes of an object, both ends inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What is to be sent: everything, these ranges (at least one), or the refusal 416. */
export type RangeChoice = "whole" | "unsatisfiable" | readonly ByteRange[];

/**
 * What a `Range` header asks of `sizeBytes` bytes (RFC 9110, 14.2). The whole for other units, for more than 16 ranges and
 * for overlapping ones, which would make an answer larger than the object. Ranges that lie outside are left out; when
 * all do, or one cannot be read, the request is unsatisfiable.
 */
export function chooseRanges(header: string, sizeBytes: number): RangeChoice {
  const list = /^bytes=(.*)$/is.exec(header.trim())?.[1];
  if (list === undefined) return "whole";
  const specs = list.split(",").map((spec) => spec.trim());
  if (specs.length > MAX_RANGES) return "whole";
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec, sizeBytes);
    if (range === "invalid") return "unsatisfiable";
    if (range === "whole") return "whole";
    if (range !== undefined) ranges.push(range);
  }
  if (ranges.length === 0) return "unsatisfiable";
  return overlap(ranges) ? "whole" : ranges;
}

/** Undefined when no byte lies in the range. */
function parseSpec(spec: string, sizeBytes: number): ByteRange | "invalid" | "whole" | undefined {
  const match = /^(\d*)-(\d*)$/.exec(spec);
  const [first, last] = [match?.[1] ?? "", match?.[2] ?? ""];
  if (first === "") {
    if (last === "") return "invalid";
    if (Number(last) === 0) return undefined;
    // The last bytes of nothing are satisfiable (RFC 9110, 14.1.2), and no Content-Range can say so.
    if (sizeBytes === 0) return "whole";
    return { start: Math.max(0, sizeBytes - Number(last)), end: sizeBytes - 1 };
  }
  const start = Number(first);
  // "An int-range is invalid if the last-pos value is present and less than first-pos."
  if (last !== "" && Number(last) < start) return "invalid";
  if (start >= sizeBytes) return undefined;
  return { start, end: last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) };
}

function overlap(ranges: readonly ByteRange[]): boolean {
  const sorted = ranges.toSorted((left, right) => left.start - right.start);
  return sorted.some(({ start }, index) => index > 0 && start <= sorted[index - 1]!.end);
}
