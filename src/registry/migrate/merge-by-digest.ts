/** Something that a digest names. */
interface Named {
  readonly sha256: string;
}

/**
 * Walks two lists, each in the order of its digests and with every digest once, side by side: what both have comes as a pair,
 * what one has alone. Memory does not grow with the lists.
 */
export async function* mergeByDigest<L extends Named, R extends Named>(
  left: AsyncIterable<L>,
  right: AsyncIterable<R>,
): AsyncGenerator<{ readonly left: L | undefined; readonly right: R | undefined }> {
  const rights = right[Symbol.asyncIterator]();
  try {
    let next = await rights.next();
    for await (const one of left) {
      for (; !next.done && next.value.sha256 < one.sha256; next = await rights.next()) {
        yield { left: undefined, right: next.value };
      }
      const isPair = !next.done && next.value.sha256 === one.sha256;
      yield { left: one, right: isPair ? next.value : undefined };
      if (isPair) next = await rights.next();
    }
    for (; !next.done; next = await rights.next()) yield { left: undefined, right: next.value };
  } finally {
    await rights.return?.();
  }
}
