import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A stretch of wire between a client and PostgreSQL that a test can cut. */
export interface Proxy {
  readonly port: number;
  /** From now on, the answer to what contains `text` is not passed on: the connection is cut in its place. */
  cutAfter(text: string): void;
  close(): Promise<void>;
}

export async function openProxy(target: { host: string; port: number }): Promise<Proxy> {
  let cut: string | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target);
    let isDoomed = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => {
      if (cut !== undefined && chunk.includes(cut)) {
        isDoomed = true;
        cut = undefined;
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (isDoomed) client.destroy();
      else client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    cutAfter: (text) => void (cut = text),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
