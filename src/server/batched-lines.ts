/** Collects a log's lines and hands over those of one turn of the event loop together: a write for each costs as much as its request. */
export interface BatchedLines {
  /** Takes a whole line. */
  write(line: string): void;
  /** Hands over now what was collected: before the process ends. */
  flush(): void;
}

export function batchLines(write: (lines: string) => void): BatchedLines {
  let lines = "";
  const flush = (): void => {
    const batch = lines;
    lines = "";
    if (batch !== "") write(batch);
  };
  return {
    write: (line) => {
      if (lines === "") setImmediate(flush);
      lines += line;
    },
    flush,
  };
}
