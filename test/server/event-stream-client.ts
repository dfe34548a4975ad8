import { request } from "node:https";

/** An event stream as a program reads it that sees every piece when it comes. */
export interface EventStreamClient {
  /** Resolves once the text has come. */
  until(text: string): Promise<void>;
  close(): void;
}

/** Asks for the events at this address, which has a certificate of that authority. */
export function openEventStream(
  url: string,
  { secret, ca }: { readonly secret: string; readonly ca: Buffer },
): EventStreamClient {
  let received = "";
  let changed = Promise.withResolvers<void>();
  const headers = { Authorization: `Bearer ${secret}`, Accept: "text/event-stream" };
  const outgoing = request(url, { ca, agent: false, headers });
  outgoing
    .on("response", (incoming) =>
      incoming.setEncoding("utf8").on("data", (text: string) => {
        received += text;
        changed.resolve();
        changed = Promise.withResolvers<void>();
      }),
    )
    .on("error", () => {})
    .end();
  return {
    until: async (text) => {
      while (!received.includes(text)) await changed.promise;
    },
    close: () => outgoing.destroy(),
  };
}
