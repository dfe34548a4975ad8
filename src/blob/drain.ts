import { assert } from "../base/errors.ts";
import type { StageOptions } from "./blob-store.ts";
import { blobErrors } from "./errors.ts";

/**
 * Hands every chunk of `source` to `accept`, one after another, and waits for each: the source is asked for no more than
 * can be taken. Raises `blob.too_large`, the signal's reason, or what the source or `accept` raised, unchanged.
 */
export async function drain(
  source: AsyncIterable<Uint8Array>,
  options: StageOptions,
  accept: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const { signal, maxBytes = Number.POSITIVE_INFINITY, onProgress } = options;
  let stagedBytes = 0;
  for await (const chunk of signal === undefined ? source : abortable(source, signal)) {
    assert(chunk instanceof Uint8Array, "a blob's source yields bytes");
    stagedBytes += chunk.byteLength;
    if (stagedBytes > maxBytes) {
      throw blobErrors.error("blob.too_large", `More than ${maxBytes} bytes arrived.`, {
        details: { maxBytes },
      });
    }
    await accept(chunk);
    onProgress?.(stagedBytes);
  }
  signal?.throwIfAborted();
}

/** `source`, but it raises the signal's reason as soon as the signal fires, even while the source is silent. */
async function* abortable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let interrupt: (reason: unknown) => void = () => {};
  const onAbort = (): void => interrupt(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    for (;;) {
      signal.throwIfAborted();
      const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = reject;
        iterator.next().then(resolve, reject);
      });
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    const closed = close(iterator);
    // A source that fell silent answers return() only after the next() that never ends, so an abort does not wait for it.
    if (!signal.aborted) await closed;
  }
}

/** Never rejects: why the transfer ended says more than how its source closed. */
async function close(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    return;
  }
}
