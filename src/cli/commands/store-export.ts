import { resolve } from "node:path";

import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import { checkWritable, writeAtomically } from "../output-file.ts";
import type { storeExport } from "../specs/store.ts";

export const run: Run<typeof storeExport> = async ({ output, directory, signal, registry }, { options }) => {
  await checkWritable(options.output, directory);
  const opened = await registry();
  const pieces = stoppable(opened.exportStore(), signal);
  if (options.output === undefined) {
    await output.document(pieces);
    return;
  }
  const path = resolve(directory, options.output);
  let bytes = 0;
  await writeAtomically(
    path,
    counted(pieces, (count) => (bytes += count)),
  );
  output.result({ ok: true, path, bytes }, () => say`Wrote the log to ${path}.`);
};

async function* stoppable(pieces: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<string> {
  for await (const piece of pieces) {
    signal.throwIfAborted();
    yield piece;
  }
}

async function* counted(pieces: AsyncIterable<string>, add: (bytes: number) => void): AsyncGenerator<string> {
  for await (const piece of pieces) {
    add(Buffer.byteLength(piece));
    yield piece;
  }
}
