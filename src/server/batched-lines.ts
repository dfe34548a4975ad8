/** What a pipe takes in one piece (`PIPE_BUF` of Linux): the lines of several processes on one pipe are not torn within it. */
const MAX_BATCH_BYTES = 4_096;

/** Collects a log's lines and hands over those of one turn of the event loop together: a write for each costs as much as its request. */
export interface BatchedLines {
  /** Takes a whole line. */
  write(line: string): void;
  /** Hands over now what was collected: before the process ends. */
  flush(): void;
}

export function batchLines(write: (lines: string) => void): BatchedLines {
  let lines = "";
  let bytes = 0;
  const flush = (): void => {
    const batch = lines;
    [lines, bytes] = ["", 0];
    if (batch !== "") write(batch);
  };
  return {
    write: (line) => {
      const lineBytes = Buffer.byteLength(line);
      if (bytes + lineBytes > MAX_BATCH_BYTES) flush();
      if (lines === "") setImmediate(flush);
      lines += line;
      bytes += lineBytes;
    },
    flush,
  };
}
