/**
 * The rest of an iteration, `first` and what follows, as a byte stream that is pulled at its reader's pace. When the reader
 * goes away the iteration is ended, even before it was read from, and lets go of what it holds open.
 */
export function textStream(
  first: IteratorResult<string>,
  pieces: AsyncIterator<string>,
): ReadableStream<Uint8Array> {
  let waiting: IteratorResult<string> | undefined = first;
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const piece: IteratorResult<string> = waiting ?? (await pieces.next());
      waiting = undefined;
      if (piece.done) controller.close();
      else controller.enqueue(Buffer.from(piece.value));
    },
    cancel: async () => {
      await pieces.return?.();
    },
  });
}
