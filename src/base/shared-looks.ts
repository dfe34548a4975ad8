/**
 * Looks at what may change, shared: those asked for one key in the same turn of the event loop are one look, which begins
 * after that turn. So each caller sees what had happened before it asked, and a crowd that asks for the same costs one read.
 */
export function shareLooks<T>(look: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const waiting = new Map<string, Promise<T>>();
  return (key) => {
    const known = waiting.get(key);
    if (known !== undefined) return known;
    const shared = new Promise<void>((resolve) => {
      setImmediate(resolve);
    }).then(() => {
      waiting.delete(key);
      return look(key);
    });
    waiting.set(key, shared);
    return shared;
  };
}
