import { setTimeout as sleep } from "node:timers/promises";

/** A client of the event stream that comes back after every end of its connection, with the last number it saw. */
export interface Subscriber {
  /** The numbers of the events, as they came. */
  readonly seen: readonly number[];
  /** How often it had to come back. */
  readonly reconnects: () => number;
  /** Resolves once it has seen this one. */
  reached(seq: number): Promise<void>;
  close(): Promise<void>;
}

/** Subscribes from the beginning of the log. */
export function subscribe(url: string, token: string): Subscriber {
  const seen: number[] = [];
  const stop = new AbortController();
  const cursor = { seq: 0 };
  let connections = 0;
  const follow = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      connections += 1;
      try {
        const response = await fetch(`${url}/api/events?after=${cursor.seq}`, {
          headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream" },
          signal: stop.signal,
        });
        if (response.ok) {
          for await (const { id, event } of messagesOf(response.body!)) {
            if (id === undefined) continue;
            cursor.seq = id;
            if (event?.startsWith("v1.")) seen.push(id);
          }
        } else await response.arrayBuffer();
      } catch {
        // Cut, or refused: it comes back below.
      }
      await sleep(100);
    }
  };
  const ended = follow();
  return {
    seen,
    reconnects: () => connections - 1,
    reached: async (seq) => {
      while (cursor.seq < seq) await sleep(50);
    },
    close: async () => {
      stop.abort();
      await ended;
    },
  };
}

/** The messages of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html), with what is used of them here. */
async function* messagesOf(body: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const messages = text.split("\n\n");
    text = messages.pop()!;
    for (const message of messages) {
      const fields = new Map(message.split("\n").map((line) => line.split(/: ?(.*)/s) as [string, string]));
      const id = fields.get("id");
      yield { id: id === undefined ? undefined : Number(id), event: fields.get("event") };
    }
  }
}
