import type { Database } from "../catalog/database.ts";
import { logHead } from "../catalog/transaction.ts";

/** How often the log's head is read while somebody waits, where the database gives no notice of commits. */
const POLL_INTERVAL_MS = 100;

export interface TailOptions {
  /** Gives up waiting when aborted. */
  readonly signal: AbortSignal;
  /** How long to wait at most. */
  readonly withinMs: number;
}

/** Tells when the log grows, whichever process wrote to it. */
export interface EventTail {
  /**
   * True as soon as the log's head is beyond `seq`, false when that did not happen in time. Rejects with the signal's
   * reason, or when the store cannot be read. The caller names what it has read, so nothing is missed between two waits.
   */
  past(seq: number, options: TailOptions): Promise<boolean>;
  /** The `seq` of the log's last event; 0 for an empty log. */
  head(): Promise<number>;
  /** How many wait. The log is polled only while this is not zero. */
  readonly waiting: number;
  /** Rejects whoever still waits; resolves when no read is under way. */
  close(): Promise<void>;
}

interface Waiter {
  readonly seq: number;
  readonly until: number;
  readonly resolve: (grew: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One poller per process, whatever the number of waiters: other processes' commits come with no notice in SQLite. It
 * reads the head itself, one row by its key: `PRAGMA data_version` costs as much, leaves out the commits of the
 * connection that asks, and tells of writes that are no events. A database that gives notice (`watch`) is read when it
 * does, when somebody comes, and when somebody's time is over. The poller never keeps the process alive.
 */
export function openEventTail(database: Database): EventTail {
  const waiters = new Set<Waiter>();
  let timer: NodeJS.Timeout | undefined;
  let polling: Promise<void> | undefined;
  let unwatch: (() => void) | undefined;
  /** Something may have been committed since the last read began. */
  let isStale = false;

  const readHead = async () => (await database.read((reader) => reader.first(logHead, {})))!.head;

  const schedule = () => {
    if (timer !== undefined || polling !== undefined || waiters.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      isStale = false;
      polling = poll().finally(() => {
        polling = undefined;
        schedule();
      });
    }, pauseMs());
    timer.unref();
  };

  const pauseMs = () => {
    if (database.watch === undefined) return POLL_INTERVAL_MS;
    if (isStale) return 0;
    const first = Math.min(...[...waiters].map(({ until }) => until));
    return Math.max(0, Math.ceil(first - performance.now()));
  };

  const wake = () => {
    isStale = true;
    clearTimeout(timer);
    timer = undefined;
    schedule();
  };

  const poll = async () => {
    if (waiters.size === 0) return;
    try {
      const head = await readHead();
      const now = performance.now();
      for (const waiter of waiters) {
        if (head > waiter.seq) waiter.resolve(true);
        else if (now >= waiter.until) waiter.resolve(false);
      }
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error);
    }
  };

  return {
    past: async (seq, { signal, withinMs }) => {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<boolean>();
      const waiter = { seq, until: performance.now() + withinMs, resolve, reject };
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort);
      waiters.add(waiter);
      unwatch ??= database.watch?.(wake);
      if (unwatch === undefined) schedule();
      else wake();
      try {
        return await promise;
      } finally {
        waiters.delete(waiter);
        signal.removeEventListener("abort", abort);
      }
    },
    head: readHead,
    get waiting() {
      return waiters.size;
    },
    close: async () => {
      unwatch?.();
      clearTimeout(timer);
      timer = undefined;
      for (const waiter of waiters) waiter.reject(new Error("The store was closed."));
      await polling;
    },
  };
}
